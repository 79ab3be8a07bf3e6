"use strict";
// The leaderboard, drawn again when there are more votes. Names are hostile too: all is set as text.
(() => {
  const EVERY = 3000; // milliseconds between two looks
  const byId = (id) => document.getElementById(id);
  const number = (n) => n.toLocaleString("en");
  const many = (n, one, more = `${one}s`) => `${number(n)} ${n === 1 ? one : more}`;
  const points = (x) => (x === null ? "–" : number(Math.round(x)).replace("-", "−"));
  let version = null;

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const svg = (tag, values) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
    return element;
  };
  const column = (text, className) => {
    const cell = make("th", text, className);
    cell.scope = "col";
    return cell;
  };
  const rowHead = (text) => {
    const cell = make("th", text);
    cell.scope = "row";
    cell.dir = "auto";
    return cell;
  };
  const plot = (row, low, high) => {
    const cell = make("td", undefined, "plot");
    const picture = svg("svg", { viewBox: "0 0 132 16", "aria-hidden": "true" });
    const x = (value) => 6 + (120 * (Math.min(Math.max(value, low), high) - low)) / (high - low || 1);
    picture.append(svg("line", { class: "scale", x1: 6, x2: 126, y1: 8, y2: 8 }));
    if (row.lower !== null || row.upper !== null) {
      picture.append(svg("line", { class: "span", x1: x(row.lower ?? low), x2: x(row.upper ?? high), y1: 8, y2: 8 }));
    }
    if (row.rating !== null) picture.append(svg("circle", { cx: x(row.rating), cy: 8, r: 3.6 }));
    cell.append(picture);
    return cell;
  };
  const STANDING = { above: "won all", below: "lost all", apart: "not told" };
  const table = (found) => {
    const rows = Object.entries(found.ratings);
    const known = rows.flatMap(([, r]) => [r.lower, r.upper, r.rating]).filter((v) => v !== null);
    const low = Math.min(...known);
    const high = Math.max(...known);
    const head = make("tr");
    for (const title of ["Rank", "Model", "Rating", "95% interval"]) head.append(column(title));
    const drawn = column("", "plot");
    drawn.append(make("span", "Interval, drawn", "unseen"));
    head.append(drawn, ...["Votes", "Won", "Lost", "Ties"].map((t) => column(t)));
    const body = make("tbody");
    for (const [model, r] of rows) {
      const row = make("tr");
      const rating = r.rating === null ? STANDING[r.standing] ?? "–" : points(r.rating);
      row.append(make("td", number(r.rank)), rowHead(model), make("td", rating));
      const bounds = r.lower === null && r.upper === null ? "–"
        : `${r.lower === null ? "no lower bound" : points(r.lower)} to ${r.upper === null ? "no upper bound" : points(r.upper)}`;
      row.append(make("td", bounds), plot(r, low, high));
      for (const n of [r.n, r.wins, r.losses, r.ties]) row.append(make("td", number(n)));
      body.append(row);
    }
    const top = make("thead");
    top.append(head);
    byId("table").replaceChildren(top, body);
  };
  const matrix = ({ models, votes, win_rate }) => {
    const head = make("tr");
    head.append(column("Model"), ...models.map((m) => { const c = column(m); c.dir = "auto"; return c; }));
    const body = make("tbody");
    models.forEach((model, i) => {
      const row = make("tr");
      row.append(rowHead(model));
      models.forEach((_, j) => {
        const cell = make("td", i === j ? "" : win_rate[i][j] === null ? "–" : `${Math.round(100 * win_rate[i][j])}%`);
        if (i !== j && votes[i][j]) cell.append(make("span", ` of ${number(votes[i][j])}`, "of"));
        row.append(cell);
      });
      body.append(row);
    });
    const top = make("thead");
    top.append(head);
    byId("matrix").replaceChildren(top, body);
  };
  const draw = (board) => {
    const c = board.counts;
    const left = [];
    if (c.gave_away) left.push(`${number(c.gave_away)} in which a model named itself`);
    if (c.named) left.push(`${number(c.named)} with names shown`);
    byId("summary").textContent = `${many(c.hidden, "vote counts", "votes count")} from ${many(c.judges, "judge")}`
      + `${c.imported ? `, ${number(c.imported)} of them imported` : ""}.${left.length ? ` Left out: ${left.join(", ")}.` : ""}`;
    const notes = [...(board.why ? [board.why] : []), ...(board.ratings?.notes ?? [])];
    byId("notes").replaceChildren(...notes.map((n) => make("li", n)));
    byId("notes").hidden = !notes.length;
    for (const id of ["ratings", "pairs"]) byId(id).hidden = !board.ratings;
    if (board.ratings) {
      table(board.ratings);
      matrix(board.ratings.matrix);
    }
  };
  const look = async () => {
    const query = new URLSearchParams({ style: byId("style").checked ? "1" : "0", version: version ?? "" });
    try {
      const response = await fetch(`/api/board?${query}`, { signal: AbortSignal.timeout(60000) });
      const board = await response.json();
      if (!response.ok) throw new Error(board.error);
      byId("alert").hidden = true;
      if (board.counts) draw(board);
      version = board.version;
      document.body.dataset.version = version;
    } catch (error) {
      const why = error instanceof TypeError || error.name === "TimeoutError" ? "the server does not answer" : error.message;
      byId("alert").textContent = `Not up to date: ${why}.`;
      byId("alert").hidden = false;
    }
  };
  let timer = null;
  const follow = async () => {
    clearTimeout(timer);
    if (!document.hidden) await look();
    timer = setTimeout(follow, EVERY);
  };
  byId("style").addEventListener("change", follow);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) follow(); });
  follow();
})();
