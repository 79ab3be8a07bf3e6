"use strict";
// Where the marks go in a page that was sent out: into this browser, and into a file when the reviewer saves it.
const HeedfulStore = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const place = `heedful-marks-${data.sheet}`;
  let memory = { reviewer: null, logs: {} }; // of each reviewer all that was done, in order
  let lost = false; // whether the browser refused to keep something

  const load = () => {
    if (lost) return memory;
    try {
      const text = localStorage.getItem(place);
      if (text) memory = JSON.parse(text);
    } catch { lost = true; }
    return memory;
  };
  const keep = () => { try { localStorage.setItem(place, JSON.stringify(memory)); } catch { lost = true; } };
  const log = () => (memory.logs[memory.reviewer] ??= []);
  const current = () => {
    const marks = new Map();
    for (const entry of log()) if (!entry.undone) marks.set(entry.number, entry);
    return marks;
  };
  const state = (wanted, after = 0) => {
    load();
    const total = data.items.length;
    const base = { mode: data.mode, set: data.set, total, reviewer: memory.reviewer, unblinded: false };
    if (memory.reviewer === null) return base;
    const marks = current();
    const order = [...Array(total).keys()].map((k) => ((k + after) % total) + 1);
    const number = wanted ?? order.find((n) => !marks.has(n));
    const mark = marks.get(number);
    const shown = mark ? { verdict: mark.verdict, tags: mark.tags, note: mark.note } : null;
    const item = number ? { ...data.items[number - 1], number, mark: shown } : null;
    return { ...base, marked: marks.size, undo: marks.size > 0, item };
  };
  const change = (action) => {
    load(); // another tab may have marked meanwhile
    const next = action();
    keep();
    return next;
  };
  return {
    state: async (wanted, after) => state(wanted, after),
    name: async (text) => change(() => {
      const name = text.normalize("NFC").split(/\s+/).filter(Boolean).join(" ");
      if (!name || name.length > 40) throw new Error("a name has 1 to 40 letters");
      memory.reviewer = name;
      keep();
      return state();
    }),
    mark: async (made) => change(() => {
      const { set, ...mark } = made;
      log().push({ ...mark, note: mark.note.trim(), at: new Date().toISOString() });
      keep();
      return state(null, mark.number);
    }),
    undo: async () => change(() => {
      const last = log().findLast((entry) => !entry.undone);
      if (last) last.undone = true;
      keep();
      return state(last?.number);
    }),
    warning: () => (lost ? "This browser does not keep your marks: save them before you close the page." : ""),
    download: () => {
      load();
      const marks = [...current().values()].map(({ undone, ...mark }) => mark);
      const file = { schema: "heedful.marks/1", mode: data.mode, set: data.set, sheet: data.sheet, reviewer: memory.reviewer, marks };
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([`${JSON.stringify(file, null, 1)}\n`], { type: "application/json" }));
      link.download = `marks-${memory.reviewer.replace(/[^\p{L}\p{N}]+/gu, "-")}.json`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      return link.download;
    },
  };
})();
