"use strict";
(() => {
  const button = document.getElementById("unblind");
  if (!button) return;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const options = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
      const response = await fetch("/api/unblind", options);
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      location.reload();
    } catch (error) {
      const alert = document.getElementById("alert");
      alert.textContent = `Not unblinded: ${error.message}`;
      alert.hidden = false;
      button.disabled = false;
    }
  });
})();
