"use strict";
// Runs before the page is painted: the chosen theme must not flash.
(() => {
  const root = document.documentElement;
  const choices = ["auto", "light", "dark"];
  const read = () => {
    try { return localStorage.getItem("gdbench-theme"); } catch { return null; }
  };
  const apply = (choice) => {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  };
  let choice = choices.includes(read()) ? read() : "auto";
  apply(choice);
  root.classList.add("js");
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "theme";
    const label = () => { button.textContent = `Theme: ${choice}`; };
    button.addEventListener("click", () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      apply(choice);
      label();
      try { localStorage.setItem("gdbench-theme", choice); } catch { /* private window: lasts for this page */ }
    });
    label();
    document.querySelector(".theme-slot")?.append(button);
    // Text to copy gets a button; without a clipboard the text can still be selected.
    if (!navigator.clipboard) return;
    for (const source of document.querySelectorAll(".copy")) {
      const copy = document.createElement("button");
      copy.type = "button";
      copy.className = "copier";
      copy.textContent = "Copy";
      copy.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(source.textContent);
          copy.textContent = "Copied";
        } catch {
          copy.textContent = "Select the text to copy it";
        }
      });
      source.after(copy);
    }
  });
})();
