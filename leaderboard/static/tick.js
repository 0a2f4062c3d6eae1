"use strict";
// A box at each model: two that are ticked lead to the page that compares them.
window.gdbench = window.gdbench || {};
gdbench.tick = (element, table) => {
  const rows = () => table.rows.filter((r) => r.element.dataset.slug);
  if (rows().length < 2) return () => {};
  const bar = document.createElement("p");
  bar.className = "ticked";
  bar.setAttribute("role", "status");
  element.closest(".scroller").before(bar);
  const ticked = [];
  const path = (slugs) => slugs.map((slug) => slug.split("/").map(encodeURIComponent).join("/"));
  const say = () => {
    bar.replaceChildren();
    if (!ticked.length) {
      bar.append("Tick two models to compare them.");
    } else if (ticked.length === 1) {
      bar.append(`${ticked[0].words} is ticked; tick another one.`);
    } else {
      const near = Number(element.dataset.pairs);
      const [a, b] = ticked.map((t) => rows().findIndex((r) => r.element === t.row));
      if (near && Math.abs(a - b) > near) {
        bar.append("These two were not compared: in a large table only neighbours in the ranking are.");
        return;
      }
      const [one, other] = path(ticked.map((t) => t.row.dataset.slug).sort());
      const link = document.createElement("a");
      link.href = `${element.dataset.compare}${element.dataset.pool}/${one}/vs/${other}.html`;
      link.textContent = `Compare ${ticked[0].words} and ${ticked[1].words}`;
      bar.append(link);
    }
  };
  const boxes = () => {
    for (const { element: row } of rows()) {
      const head = row.cells[table.name];
      if (head.querySelector(".pickbox")) continue;
      const words = head.querySelector("a").textContent;
      const box = document.createElement("input");
      box.type = "checkbox";
      box.className = "pickbox";
      box.setAttribute("aria-label", `Compare ${words}`);
      box.addEventListener("change", () => {
        const at = ticked.findIndex((t) => t.row === row);
        if (at >= 0) ticked.splice(at, 1);
        else ticked.push({ row, words, box });
        while (ticked.length > 2) ticked.shift().box.checked = false;
        say();
      });
      head.prepend(box);
    }
  };
  boxes();
  say();
  return boxes; // for rows that come later
};
