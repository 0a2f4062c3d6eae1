"use strict";
// Sorting of a server-rendered table: values come from `data-v` of the row, in the order of its
// cells after rank and name; what is missing stays last in both directions.
window.gdbench = window.gdbench || {};
gdbench.table = (table) => {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const lead = 2;
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const rows = [...body.rows].map((element, order) => {
    const given = element.dataset.v.split(" ");
    const value = (column) => {
      if (column === 0) return element.cells[0].textContent ? order : null;
      const text = column > 1 ? given[column - lead] : element.cells[1].textContent.trim();
      if (column > 1 && text !== "-") return Number(text);
      if (heads[column].classList.contains("n")) return null;
      return (column > 1 ? element.cells[column].textContent : text) || null;
    };
    return { element, order, value };
  });
  const place = (order) => { // moving rows costs a layout, so only where one is out of place
    if (order.some((r, i) => body.rows[i] !== r.element)) body.append(...order.map((r) => r.element));
  };
  const sort = (key, direction) => {
    const column = heads.findIndex((h) => h.dataset.key === key);
    for (const h of heads) h.removeAttribute("aria-sort");
    if (column < 0) { // a column that this table does not have: the order of the page
      place(rows);
      return;
    }
    const sign = direction === "up" ? 1 : -1;
    const compare = (a, b) => {
      const x = a.value(column), y = b.value(column);
      if (x === null || y === null) return (x === null) - (y === null) || a.order - b.order;
      const d = typeof x === "number" ? x - y : collator.compare(x, y);
      return d * sign || a.order - b.order;
    };
    place([...rows].sort(compare));
    heads[column].setAttribute("aria-sort", direction === "up" ? "ascending" : "descending");
  };
  return { heads, rows, sort };
};
