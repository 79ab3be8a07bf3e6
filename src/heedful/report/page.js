"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // The choice is kept per browser; a private window that forbids storage only forgets it.
  const themes = { auto: "as the system", light: "light", dark: "dark" };
  const kept = () => { try { return localStorage.getItem("heedful-theme"); } catch { return null; } };
  const keep = (name) => { try { localStorage.setItem("heedful-theme", name); } catch { /* not kept */ } };
  let theme = kept() in themes ? kept() : "auto";
  const paint = () => { root.dataset.theme = theme; };
  paint();

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      button.textContent = theme[0].toUpperCase() + theme.slice(1);
      button.setAttribute("aria-label", `Colours: ${themes[theme]}`);
    };
    button.addEventListener("click", () => {
      const names = Object.keys(themes);
      theme = names[(names.indexOf(theme) + 1) % names.length];
      keep(theme);
      paint();
      label();
    });
    label();

    // Closed details would stay closed on paper.
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("details:not([open])")];
      opened.forEach((d) => { d.open = true; });
    });
    addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));

    // What scrolls must be reachable by keyboard in every browser.
    for (const box of document.querySelectorAll(".answer .text")) {
      if (box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
    }

    const find = document.getElementById("find");
    if (!find) return;
    const fold = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
    const rows = [...document.querySelectorAll(".question")].map((element) => ({
      element,
      tags: element.dataset.tags.split(" "),
      text: fold([...element.querySelectorAll(".text, .none")].map((e) => e.textContent).join("\n")),
    }));
    const shown = document.getElementById("shown");
    const nothing = document.getElementById("nothing");
    const filters = [...document.querySelectorAll("input[name=filter]")];

    const apply = () => {
      const words = fold(find.value).split(/\s+/).filter(Boolean);
      const filter = filters.find((f) => f.checked).value;
      let count = 0;
      for (const row of rows) {
        const fits = row.tags.includes(filter) && words.every((word) => row.text.includes(word));
        row.element.hidden = !fits;
        if (fits) count += 1;
      }
      const number = (n) => n.toLocaleString("en");
      shown.textContent = `${number(count)} of ${number(rows.length)} questions`;
      nothing.hidden = count > 0;
    };
    find.addEventListener("input", apply);
    filters.forEach((f) => f.addEventListener("change", apply));
    document.getElementById("reset").addEventListener("click", () => {
      find.value = "";
      filters[0].checked = true;
      apply();
      find.focus();
    });
    // A link to one question must find it, whatever is filtered; a browser may also restore old choices.
    addEventListener("hashchange", () => {
      const target = document.getElementById(location.hash.slice(1));
      if (target && target.hidden) document.getElementById("reset").click();
      if (target) target.scrollIntoView();
    });
    apply();
  });
})();
