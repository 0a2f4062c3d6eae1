"use strict";
// Sorting of a server-rendered table: values come from `data-v` of the row, in the order of its
// cells after the first `data-lead`; what is missing stays last in both directions, and a variant
// stays below its model.
window.gdbench = window.gdbench || {};
gdbench.table = (table) => {
  const heads = [...table.tHead.querySelectorAll("tr")].find((r) => r.querySelector("[data-key]")).cells;
  const body = table.tBodies[0];
  const lead = Number(table.dataset.lead);
  const name = lead - 1;
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const rows = [];
  const models = [];
  const read = (elements) => {
    rows.length = models.length = 0;
    elements.forEach((element, order) => {
      const given = element.dataset.v.split(" ");
      const value = (column) => {
        if (column < name) return element.cells[column].textContent ? order : null;
        const text = column > name ? given[column - lead] : element.cells[name].textContent.trim();
        if (column > name && text !== "-") return Number(text);
        if (heads[column].classList.contains("n")) return null;
        return (column > name ? element.cells[column].textContent : text) || null;
      };
      const row = { element, order, value, below: [] };
      rows.push(row);
      if (element.classList.contains("var") && models.length) models.at(-1).below.push(row);
      else models.push(row);
    });
  };
  read([...body.rows]);
  const place = (order) => { // moving rows costs a layout, so only where one is out of place
    const flat = order.flatMap((r) => [r, ...r.below]);
    if (flat.some((r, i) => body.rows[i] !== r.element)) body.append(...flat.map((r) => r.element));
  };
  const sort = (key, direction) => {
    const column = [...heads].findIndex((h) => h.dataset.key === key);
    for (const h of heads) h.removeAttribute("aria-sort");
    if (column < 0) { // a column that this table does not have: the order of the page
      place(models);
      return;
    }
    const sign = direction === "up" ? 1 : -1;
    const compare = (a, b) => {
      const x = a.value(column), y = b.value(column);
      if (x === null || y === null) return (x === null) - (y === null) || a.order - b.order;
      const d = typeof x === "number" ? x - y : collator.compare(x, y);
      return d * sign || a.order - b.order;
    };
    place([...models].sort(compare));
    heads[column].setAttribute("aria-sort", direction === "up" ? "ascending" : "descending");
  };
  return { heads: [...heads], rows, name, sort, read };
};
