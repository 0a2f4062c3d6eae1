"use strict";
// Search in a long table of plain rows.
addEventListener("DOMContentLoaded", () => {
  const { state } = gdbench;
  const tools = document.querySelector(".tools");
  const table = document.querySelector("table.filtered");
  const field = tools.querySelector("[name=q]");
  const count = tools.querySelector(".count");
  const rows = [...table.tBodies[0].rows].map((element) => ({ element, text: element.textContent.toLowerCase() }));
  const show = (s) => {
    if (document.activeElement !== field) field.value = s.q || "";
    const words = (s.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const { element, text } of rows) {
      element.hidden = !words.every((w) => text.includes(w));
      n += !element.hidden;
    }
    const what = table.dataset.what;
    count.textContent = n ? `${n === rows.length ? "" : `${n} of `}${rows.length} ${what}` : `No ${what} fit; clear the search to see all.`;
  };
  field.addEventListener("input", () => state.write({ q: field.value }, { replace: true }));
  tools.hidden = false;
  state.listen(show);
  show(state.read());
});
