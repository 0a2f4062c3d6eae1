"use strict";
// A table of several pages: the rows of the other pages are loaded when sorting, a filter or the
// search needs them. Scripts bring them, because pages on file:// may not fetch.
window.gdbench = window.gdbench || {};
(() => {
  const parts = new Map();
  gdbench.rows = (number, html) => parts.set(number, html);
  const loaded = (source) => new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = source;
    script.addEventListener("load", done);
    script.addEventListener("error", () => failed(new Error(source)));
    document.head.append(script);
  });
  const parsed = (html) => {
    const body = document.createElement("tbody");
    body.innerHTML = html; // ours, escaped when it was written
    return [...body.rows];
  };
  // The rows of all pages in the order of the ranking, those of this page as they are.
  gdbench.whole = async (table) => {
    const own = [...table.tBodies[0].rows];
    const here = Number(table.dataset.page);
    const numbers = Array.from({ length: Number(table.dataset.pages) }, (_, k) => k + 1);
    await Promise.all(numbers.filter((k) => k !== here).map((k) => loaded(`${table.dataset.rows}${k}.js`)));
    return numbers.flatMap((k) => (k === here ? own : parsed(parts.get(k))));
  };
})();
