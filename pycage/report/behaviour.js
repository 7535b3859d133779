"use strict";
// Shows the rows and refusals that have the words in them, of the outcomes that are ticked.
(() => {
  const words = document.getElementById("words");
  if (!words) return;
  const boxes = [...document.querySelectorAll("input.outcome")];
  const lines = [...document.querySelectorAll(".sandbox tbody tr, .sandbox details")];
  const show = () => {
    const wanted = words.value.toLowerCase();
    const outcomes = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const line of lines) {
      const outcome = [...line.classList].find((name) => name !== "refusal");
      line.hidden = !outcomes.has(outcome) || !line.textContent.toLowerCase().includes(wanted);
      if (!line.hidden && line.tagName === "TR") shown += 1;
    }
    document.getElementById("shown").value = `${shown} of ${document.querySelectorAll(".sandbox tbody tr").length} permissions`;
    location.replace(`#${encodeURIComponent(words.value)}`);
  };
  words.form.addEventListener("input", show);
  words.form.addEventListener("submit", (event) => event.preventDefault());
  words.value = decodeURIComponent(location.hash.slice(1));
  show();
})();
