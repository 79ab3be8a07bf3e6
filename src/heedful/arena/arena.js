"use strict";
// The page of a conversation with two models. What is shown is set as text; nothing is told as kept before it is.
(() => {
  const byId = (id) => document.getElementById(id);
  const hidden = document.documentElement.dataset.hidden === "yes";
  const saved = document.documentElement.dataset.saved === "yes";
  const RESULTS = { a: "A is better", b: "B is better", tie: "Tie", both_bad: "Both bad" };
  const ENDS = { length: "cut off at its greatest length", stopped: "stopped" };
  let talk = null;
  let busy = false; // a request is under way
  let streaming = false;
  let again = null;

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");
  const say = (text) => { byId("status").textContent = text; };
  const complain = (text, retry = null) => {
    again = retry;
    byId("alert-text").textContent = text;
    byId("retry").hidden = !retry;
    byId("alert").hidden = !text;
  };

  // ---- the server ----
  const send = async (path, body, signal) => {
    let response;
    const options = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    try {
      response = await fetch(path, { ...options, signal });
    } catch {
      throw new Error("the server does not answer; is the command still running?");
    }
    if (!response.ok) {
      const answer = await response.json().catch(() => ({ error: `it answered ${response.status}` }));
      throw new Error(answer.error);
    }
    return response;
  };
  const ask = async (path, body) => (await send(path, body, AbortSignal.timeout(30000))).json();
  const events = async function* (response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read().catch(() => { throw new Error("the connection broke off"); });
      if (done) return;
      rest += value;
      const parts = rest.split("\n\n");
      rest = parts.pop();
      for (const part of parts) yield JSON.parse(part.slice("data: ".length));
    }
  };

  // ---- what is shown ----
  const heading = (side) => {
    const letter = side.toUpperCase();
    return talk?.names ? `${letter}: ${talk.names[side]}` : `Answer ${letter}`;
  };
  const fill = (box, answer, live = false) => {
    box.querySelector(".said").replaceChildren(HeedfulMarkdown.render(answer.text));
    const end = box.querySelector(".end");
    if (answer.end === "error") end.textContent = `This answer failed${answer.error ? `: ${answer.error}` : ""}.`;
    else if (!live && !answer.text.trim()) end.textContent = "(an empty answer)";
    else end.textContent = ENDS[answer.end] ?? "";
    end.classList.toggle("failed", answer.end === "error");
    box.setAttribute("aria-busy", String(live));
    box.classList.toggle("live", live);
  };
  const turnNode = (turn, number) => {
    const node = make("article", "turn");
    node.setAttribute("aria-label", `Question ${number}`);
    const asked = make("p", "question text", turn.question);
    asked.dir = "auto";
    const both = make("div", "answers");
    for (const side of ["a", "b"]) {
      const box = make("section", "answer");
      const head = make("h2", "", heading(side));
      head.id = `answer-${number}-${side}`;
      head.dir = "auto";
      box.dataset.side = side;
      box.setAttribute("aria-labelledby", head.id);
      box.append(head, make("div", "said"), make("p", "end"));
      fill(box, turn[side]);
      both.append(box);
    }
    node.append(asked, both);
    return node;
  };
  const paint = () => {
    const failed = talk?.turns.length && ["a", "b"].some((s) => talk.turns.at(-1)[s].end === "error");
    byId("welcome").hidden = talk !== null;
    byId("talk").hidden = talk === null;
    byId("vote").hidden = streaming || !talk?.can_vote;
    byId("reveal").hidden = !talk?.vote;
    byId("leave").hidden = streaming || talk === null || Boolean(talk.vote);
    if (!saved) {
      byId("composer").hidden = Boolean(talk && (!talk.can_ask || failed)) && !streaming;
      byId("send").disabled = streaming;
      byId("stop").hidden = !streaming;
      byId("again").hidden = streaming || !talk?.turns.length || Boolean(talk.vote);
    }
    document.body.dataset.state = streaming ? "streaming" : talk === null ? "empty" : talk.vote ? "voted" : "open";
    if (talk?.vote) {
      byId("names").textContent = `You said: ${RESULTS[talk.vote.winner]}. A was ${talk.names.a}, B was ${talk.names.b}.`;
      byId("counted").textContent = !talk.hidden
        ? "Kept. It does not count in the ratings, since the names were shown."
        : talk.vote.gave_away !== null
          ? `Kept, but it does not count: a model named itself (“${talk.vote.gave_away}”).`
          : "Kept.";
    }
  };
  const show = (next) => {
    talk = next;
    byId("turns").replaceChildren(...(talk ? talk.turns.map((t, k) => turnNode(t, k + 1)) : []));
    paint();
  };

  // ---- what is done ----
  const work = async (failed, task) => {
    if (busy) return;
    busy = true;
    document.body.classList.add("working");
    try {
      complain("");
      await task();
    } catch (error) {
      complain(`${failed}: ${error.message}.`, () => work(failed, task));
    } finally {
      busy = false;
      document.body.classList.remove("working");
      paint();
    }
  };
  const named = (name) => { byId("who").textContent = name ?? "Anonymous"; byId("name").value = name ?? ""; };
  const begin = async () => {
    const models = hidden ? undefined : [byId("model-a").value, byId("model-b").value];
    const begun = await ask("/api/begin", hidden ? { hidden } : { hidden, models });
    named(begun.name);
    return begun.talk;
  };
  // Both answers as they come, drawn once a frame at most.
  const stream = async (response, node) => {
    const live = { a: { text: "", end: null }, b: { text: "", end: null } };
    const stale = new Set();
    const draw = () => {
      const low = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
      for (const side of stale) fill(node.querySelector(`[data-side=${side}]`), live[side], live[side].end === null);
      stale.clear();
      if (low) scrollTo(0, document.documentElement.scrollHeight);
    };
    let done = null;
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error);
      if (event.done) { done = event.done; continue; }
      if (event.text) live[event.side].text += event.text;
      if (event.whole !== undefined) live[event.side].text = event.whole;
      if (event.end) live[event.side].end = event.end;
      if (!stale.size) requestAnimationFrame(draw);
      stale.add(event.side);
    }
    if (!done) throw new Error("the connection broke off");
    return done;
  };
  const answer = async (path, body, question, number) => {
    const response = await send(path, body);
    streaming = true;
    const empty = { text: "", end: null };
    const node = turnNode({ question, a: empty, b: empty }, number);
    for (const box of node.querySelectorAll(".answer")) fill(box, empty, true);
    const before = byId("turns").children[number - 1];
    if (before) before.replaceWith(node); else byId("turns").append(node);
    paint();
    if (path === "/api/ask") node.scrollIntoView({ block: "start" });
    try {
      show(await stream(response, node));
      say(talk.can_vote ? "Both answers are there." : "An answer failed.");
    } finally {
      streaming = false;
    }
  };
  const askQuestion = () => {
    const question = byId("question").value;
    if (!question.trim() || streaming) return;
    work("Not asked", async () => {
      if (!talk || talk.vote) show(await begin());
      byId("question").value = "";
      try {
        await answer("/api/ask", { conversation: talk.id, question }, question, talk.turns.length + 1);
      } catch (error) {
        if (!byId("question").value) byId("question").value = question;
        throw error;
      }
    });
  };
  const askAgain = () => {
    if (!talk?.turns.length || streaming) return;
    work("Not asked again", () => answer("/api/again", { conversation: talk.id }, talk.turns.at(-1).question, talk.turns.length));
  };
  const stop = async () => {
    try {
      await ask("/api/stop", { conversation: talk.id });
    } catch (error) {
      complain(`Not stopped: ${error.message}.`);
    }
  };
  const vote = (winner) => {
    if (!talk?.can_vote || streaming) return;
    const key = newKey(); // the same when it is tried again
    const conversation = talk.id;
    work("Not kept", async () => {
      show((await ask("/api/vote", { conversation, winner, key })).talk);
      byId("reveal").focus();
      byId("reveal").scrollIntoView({ block: "nearest" });
    });
  };
  const anew = () => {
    if (streaming) return;
    if (saved) {
      work("Not shown", async () => {
        show(await begin());
        scrollTo(0, 0);
        byId("main").focus();
      });
      return;
    }
    complain("");
    show(null);
    byId("question").focus();
  };

  // ---- keys and buttons ----
  const onKey = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (event.target.matches("input, textarea, select") || byId("naming").open) return;
    const button = byId("vote").hidden ? null : document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (button) {
      event.preventDefault();
      button.click();
    }
  };
  const on = (id, action) => byId(id)?.addEventListener("click", action);
  on("retry", () => again?.());
  on("stop", stop);
  on("again", askAgain);
  on("leave", anew);
  on("next", anew);
  on("begin", anew);
  on("who", () => { byId("name-wrong").hidden = true; byId("naming").showModal(); byId("name").select(); });
  on("name-cancel", () => byId("naming").close());
  for (const b of document.querySelectorAll("[data-verdict]")) b.addEventListener("click", () => vote(b.dataset.verdict));
  document.addEventListener("keydown", onKey);
  byId("composer")?.addEventListener("submit", (event) => { event.preventDefault(); askQuestion(); });
  byId("question")?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      askQuestion();
    }
  });
  byId("name-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      named((await ask("/api/name", { name: byId("name").value })).name);
      byId("naming").close();
    } catch (error) {
      byId("name-wrong").textContent = `Not kept: ${error.message}.`;
      byId("name-wrong").hidden = false;
    }
  });
  work("Not loaded", async () => {
    const state = await ask(hidden ? "/api/state" : "/api/state?named");
    named(state.name);
    show(state.talk);
  });
})();
