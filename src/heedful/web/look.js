"use strict";
// Colours as the system's, light or dark: the button #theme turns them, and the browser keeps the choice.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const themes = { auto: "as the system", light: "light", dark: "dark" };
  const kept = () => { try { return localStorage.getItem("heedful-theme"); } catch { return null; } };
  const keep = (name) => { try { localStorage.setItem("heedful-theme", name); } catch { /* a private window */ } };
  let theme = kept() in themes ? kept() : "auto";
  const paint = () => { root.dataset.theme = theme; };
  paint();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const label = () => {
      button.textContent = theme[0].toUpperCase() + theme.slice(1);
      button.setAttribute("aria-label", `${button.textContent}: colours ${themes[theme]}`);
    };
    button.addEventListener("click", () => {
      const names = Object.keys(themes);
      theme = names[(names.indexOf(theme) + 1) % names.length];
      keep(theme);
      paint();
      label();
    });
    label();
  });
})();
