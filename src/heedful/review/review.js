"use strict";
// The page to mark on. HeedfulStore keeps the marks (a server, or this browser); everything shown is set as text.
(() => {
  const TOO_SOON = 250; // milliseconds: a second press of the same key is not a verdict on the next question
  const byId = (id) => document.getElementById(id);
  const store = HeedfulStore;
  const drafts = new Map(); // tags and notes by question, kept while the page is open
  const tags = new Set();
  let state = null;
  let busy = false;
  let shownAt = 0;
  let again = null;
  let taken = null; // a name under which somebody has marked, once this was told
  let seen = 0; // milliseconds for which the question was on the screen
  let since = null;

  const setting = (name, fallback) => { try { return localStorage.getItem(name) ?? fallback; } catch { return fallback; } };
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* a private window */ } };
  const number = (n) => n.toLocaleString("en");
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const prose = (text, className = "text") => {
    const element = make("div", className, text);
    element.dir = "auto";
    return element;
  };
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");

  // ---- what is shown ----
  const show = (id) => {
    for (const name of ["welcome", "review", "done"]) byId(name).hidden = name !== id;
  };
  const say = (text) => { byId("status").textContent = text; };
  const complain = (text, retry = null) => {
    again = retry;
    byId("alert-text").textContent = text;
    byId("retry").hidden = !retry;
    byId("alert").hidden = !text;
  };
  const showItem = (item) => {
    byId("ask").replaceChildren(...item.messages.flatMap((m) => [
      ...(item.messages.length > 1 ? [make("p", "role", m.role)] : []),
      prose(m.content),
      ...(m.context ? [prose(m.context, "text context")] : []),
    ]));
    const one = item.answers.length === 1;
    byId("answers").replaceChildren(...item.answers.map((answer, place) => {
      const box = make("section", "answer");
      const head = make("h2", "", one ? "Answer" : "AB"[place]);
      head.id = `answer-${place}`;
      box.setAttribute("aria-labelledby", head.id);
      box.append(head, answer.text ? prose(answer.text) : make("p", "none", "(an empty answer)"));
      if (answer.cut) box.append(make("p", "marks", "cut off at its greatest length"));
      return box;
    }));
    byId("same").hidden = one || item.answers[0].text !== item.answers[1].text;
    byId("place").textContent = `Question ${number(item.number)} of ${number(state.total)}${item.mark ? ", marked" : ""}`;
    byId("expected").textContent = item.reference ?? "";
    byId("show-expected").parentElement.hidden = item.reference === null;
    const draft = drafts.get(item.number) ?? { tags: [], note: "" };
    const { tags: chosen, note } = item.mark ?? draft;
    tags.clear();
    chosen.forEach((t) => tags.add(t));
    byId("note").value = note;
    paintTags();
    for (const b of document.querySelectorAll("[data-verdict]")) {
      b.setAttribute("aria-pressed", String(item.mark !== null && item.mark.verdict === b.dataset.verdict));
    }
    byId("previous").disabled = item.number === 1;
    byId("next").disabled = item.number === state.total;
    byId("skip").disabled = state.marked === state.total;
    byId("undo").disabled = !state.undo;
    shownAt = performance.now();
    seen = 0;
    since = document.hidden ? null : shownAt;
  };
  const paintTags = () => {
    for (const b of document.querySelectorAll("[data-tag]")) b.setAttribute("aria-pressed", String(tags.has(b.dataset.tag)));
  };
  const render = (next, { focus = true } = {}) => {
    state = next;
    const named = state.reviewer !== null;
    byId("who").hidden = !named;
    byId("who").textContent = state.reviewer ?? "";
    byId("progress").hidden = !named;
    for (const id of ["to-result", "save"]) if (byId(id)) byId(id).hidden = !named;
    if (!named) {
      show("welcome");
      if (state.known_as) byId("name").value = state.known_as;
      taken = state.taken ? state.known_as : null;
      if (taken) byId("name-why").textContent = `${taken} has marked ${number(state.taken)} here already. If that is you, press Begin once more; if not, write another name.`;
      byId("name").focus();
      return;
    }
    byId("bar").max = state.total;
    byId("bar").value = state.marked;
    byId("count").textContent = `${number(state.marked)} of ${number(state.total)} marked`;
    if (state.item) {
      show("review");
      showItem(state.item);
      if (focus) byId("place").focus({ preventScroll: true });
    } else {
      show("done");
      byId("done-text").textContent = `You marked ${state.total === 1 ? "the one question" : `all ${number(state.total)} questions`}.`;
      byId("undo-done").hidden = !state.undo;
      if (focus) byId("done-h").focus({ preventScroll: true });
    }
    scrollTo(0, 0);
    if (store.warning?.()) complain(store.warning());
  };

  // ---- what is done ----
  const work = async (failed, task, said) => {
    if (busy) return;
    busy = true;
    document.body.classList.add("saving");
    try {
      const next = await task();
      complain("");
      render(next);
      say(typeof said === "function" ? said(next) : said);
    } catch (error) {
      complain(`${failed}: ${error.message}.`, () => work(failed, task, said));
    } finally {
      busy = false;
      document.body.classList.remove("saving");
    }
  };
  const keepDraft = () => {
    if (state?.item) drafts.set(state.item.number, { tags: [...tags], note: byId("note").value });
  };
  const seconds = () => (seen + (since === null ? 0 : performance.now() - since)) / 1000;
  const mark = (verdict) => {
    if (!state?.item || performance.now() - shownAt < TOO_SOON) return;
    keepDraft();
    const made = {
      set: state.set,
      number: state.item.number,
      verdict,
      tags: [...tags],
      note: byId("note").value,
      seconds: Math.round(seconds() * 10) / 10,
      key: newKey(),
    };
    const told = (next) => `Saved. ${next.item ? `Question ${next.item.number} of ${next.total}` : "All is marked"}.`;
    work("Not saved", () => store.mark(made), told);
  };
  const go = (wanted, after) => {
    keepDraft();
    work("Not loaded", () => store.state(wanted, after), "");
  };
  const undo = () => {
    if (!state?.undo) return;
    keepDraft();
    work("Not undone", () => store.undo(), (next) => `Undone. Question ${next.item.number}.`);
  };
  const toggleTag = (name) => {
    if (!tags.delete(name)) tags.add(name);
    paintTags();
  };
  const toggleExpected = (open = byId("expected").hidden) => {
    byId("expected").hidden = !open;
    byId("show-expected").setAttribute("aria-expanded", String(open));
  };
  const toggleMono = (on = !document.body.classList.contains("mono")) => {
    document.body.classList.toggle("mono", on);
    keep("heedful-review-mono", on ? "yes" : "no");
  };
  const save = () => {
    const name = store.download();
    say(`Saved as ${name}.`);
  };

  // ---- keys and buttons ----
  const KEYS = {
    ArrowLeft: () => byId("previous").click(),
    ArrowRight: () => byId("next").click(),
    S: () => byId("skip").click(),
    U: undo,
    E: () => { if (!byId("show-expected").parentElement.hidden) toggleExpected(); },
    N: () => byId("note").focus(),
    M: () => toggleMono(),
    "?": () => byId("help").showModal(),
  };
  const onKey = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches("input, textarea")) {
      if (event.key === "Escape" && event.target.id === "note") byId("place").focus({ preventScroll: true });
      return;
    }
    if (byId("help").open || !byId("keys-on").checked || event.repeat || !state?.reviewer) return;
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    const button = byId("review").hidden ? null : document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    const action = button ? () => button.click() : KEYS[key];
    if (!action || (byId("review").hidden && !["U", "?"].includes(key))) return;
    event.preventDefault();
    action();
  };
  const start = async () => {
    document.addEventListener("keydown", onKey);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && since !== null) {
        seen += performance.now() - since;
        since = null;
      } else if (!document.hidden && since === null) since = performance.now();
    });
    const on = (id, action) => byId(id)?.addEventListener("click", action);
    on("open-help", () => byId("help").showModal());
    on("retry", () => again?.());
    on("previous", () => go(state.item.number - 1));
    on("next", () => go(state.item.number + 1));
    on("skip", () => go(null, state.item.number));
    on("undo", undo);
    on("undo-done", undo);
    on("look-again", () => go(1));
    on("show-expected", () => toggleExpected());
    on("save", save);
    on("save-done", save);
    on("who", () => { render({ ...state, reviewer: null, known_as: state.reviewer }); byId("name").select(); });
    for (const b of document.querySelectorAll("[data-verdict]")) b.addEventListener("click", () => mark(b.dataset.verdict));
    for (const b of document.querySelectorAll("[data-tag]")) b.addEventListener("click", () => toggleTag(b.dataset.tag));
    byId("name-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = byId("name").value;
      work("Not begun", () => store.name(name, name === taken), (next) => next.reviewer ? `Reviewing as ${next.reviewer}.` : byId("name-why").textContent);
    });
    byId("keys-on").checked = setting("heedful-review-keys", "on") === "on";
    byId("keys-on").addEventListener("change", () => keep("heedful-review-keys", byId("keys-on").checked ? "on" : "off"));
    toggleMono(setting("heedful-review-mono", "no") === "yes");
    await work("Not loaded", () => store.state(), "");
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
