"use strict";
// Which items are shown: those that a model (or any) got right or wrong.
addEventListener("DOMContentLoaded", () => {
  const { state } = gdbench;
  const tools = document.querySelector(".tools");
  const items = [...document.querySelectorAll(".example")];
  const menu = (name) => tools.querySelector(`[name="${name}"]`);
  const show = (s) => {
    for (const name of ["model", "answer"]) menu(name).value = s[name] || "";
    let n = 0;
    for (const item of items) {
      const those = (item.dataset[s.answer] || "").split(" ").filter(Boolean);
      const fits = !s.answer || (s.model ? those.includes(s.model) : those.length > 0);
      item.hidden = !fits;
      n += fits;
    }
    tools.querySelector(".count").textContent = `${n} of ${items.length} items`;
  };
  tools.addEventListener("change", ({ target }) => state.write({ [target.name]: target.value }));
  tools.hidden = false;
  state.listen(show);
  show(state.read());
});
