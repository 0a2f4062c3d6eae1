"use strict";
// Which items are shown and in which order: those that a model (or any) got right or wrong, those
// whose texts hold some words, those on which models disagree.
addEventListener("DOMContentLoaded", () => {
  const { state } = gdbench;
  const tools = document.querySelector(".tools");
  const box = document.querySelector(".examples");
  const items = [...box.querySelectorAll(".example")].map((element, order) => ({
    element, order, text: element.textContent.toLowerCase(),
    leads: element.dataset.leads.split(" ").filter(Boolean).map((t) => (t === "-" ? null : Number(t))),
  }));
  const field = (name) => tools.querySelector(`[name="${name}"]`);
  const models = [...field("model").options].slice(1).map((o) => o.value);
  const nothing = document.createElement("p");
  nothing.className = "nothing";
  nothing.textContent = "No item fits. ";
  const clear = document.createElement("button");
  clear.type = "button";
  clear.textContent = "Show all items";
  clear.addEventListener("click", () => state.write({ q: "", model: "", answer: "", only: "" }));
  nothing.append(clear);
  box.before(nothing);

  const weight = (item, s, index) => {
    if (s.order === "split") return -Number(item.element.dataset.split);
    const known = (index < 0 ? item.leads : [item.leads[index]]).filter((v) => v !== null && v !== undefined);
    return known.length ? known.reduce((a, b) => a + b, 0) / known.length : Infinity;
  };
  const show = (s) => {
    for (const name of ["model", "answer", "order"]) field(name).value = s[name] || "";
    field("only").checked = s.only === "1";
    if (document.activeElement !== field("q")) field("q").value = s.q || "";
    const index = models.indexOf(s.model);
    const words = (s.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    const order = [...items].sort((a, b) =>
      (s.order ? weight(a, s, index) - weight(b, s, index) || a.order - b.order : a.order - b.order));
    if (order.some((item, i) => box.children[i] !== item.element)) box.append(...order.map((i) => i.element));
    let n = 0;
    for (const { element, text } of items) {
      const those = (element.dataset[s.answer] || "").split(" ").filter(Boolean);
      const fits = words.every((w) => text.includes(w))
        && (!s.answer || (index >= 0 ? those.includes(String(index)) : those.length > 0));
      element.hidden = !fits;
      n += fits;
      [...element.querySelectorAll(".scores tbody tr")].forEach((row, i) => {
        row.hidden = s.only === "1" && index >= 0 && i !== index;
      });
    }
    nothing.hidden = n > 0;
    tools.querySelector(".count").textContent = n === items.length ? `${n} items` : `${n} of ${items.length} items`;
  };
  tools.addEventListener("change", ({ target }) => {
    if (target.name !== "q") state.write({ [target.name]: target.type === "checkbox" ? (target.checked ? "1" : "") : target.value });
  });
  field("q").addEventListener("input", () => state.write({ q: field("q").value }, { replace: true }));
  tools.hidden = false;
  state.listen(show);
  show(state.read());
});
