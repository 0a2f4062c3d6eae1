"use strict";
// Two menus lead to the page of a pair; without this file the table of links does the same.
addEventListener("DOMContentLoaded", () => {
  for (const pick of document.querySelectorAll(".pick")) {
    const links = new Map();
    for (const link of pick.parentElement.querySelectorAll("a[data-pair]")) {
      const [a, b] = link.dataset.pair.split(" ");
      links.set(`${a} ${b}`, link.href).set(`${b} ${a}`, link.href);
    }
    const value = (name) => pick.querySelector(`[name="${name}"]`).value;
    pick.querySelector("button").addEventListener("click", () => {
      const target = links.get(`${value("first")} ${value("second")}`);
      if (target) location.href = target;
      else {
        pick.querySelector(".count").textContent = value("first") === value("second")
          ? "Choose two different models."
          : "This pair was not computed: with many models only neighbours in the ranking are.";
      }
    });
    pick.hidden = false;
  }
});
