"use strict";
// A table of models: sorting, filters, columns, ticking two to compare them. Without this file the
// table stands in full.
addEventListener("DOMContentLoaded", () => {
  const { state } = gdbench;
  const section = document.querySelector(".pool");
  if (!section) return;
  const tools = section.querySelector(".tools");
  const element = section.querySelector("table.board");
  const table = gdbench.table(element);
  const hide = element.dataset.hide || "";
  const start = element.querySelector("th[aria-sort]") ? "score.down" : "";
  const form = (name) => tools.querySelector(`[name="${name}"]`);
  const sortOf = (s) => {
    const [key, direction] = (s.sort || start).split(/\.(?=up$|down$)/);
    return { key, direction: direction === "up" ? "up" : "down" };
  };

  for (const head of table.heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = sortOf(state.read());
      const first = head.dataset.dir;
      const other = first === "up" ? "down" : "up";
      const direction = now.key === head.dataset.key && now.direction === first ? other : first;
      state.write({ sort: `${head.dataset.key}.${direction}` });
    });
  }

  const chooser = tools.querySelector(".chooser > div");
  const toggledOf = (s) => new Set((s.cols || "").split(",").filter(Boolean));
  const drawChooser = (toggled) => {
    const hidden = new Set(hide.split(" "));
    chooser.replaceChildren(...table.heads.slice(2).map((head, i) => {
      const label = document.createElement("label");
      label.className = "tick";
      const box = document.createElement("input");
      box.type = "checkbox";
      box.value = head.dataset.key;
      box.checked = hidden.has(String(i + 3)) === toggled.has(head.dataset.key);
      const group = head.querySelector("em");
      const words = [...head.querySelector("button").childNodes].filter((n) => n !== group);
      label.append(box, (group ? `${group.textContent}: ` : "") + words.map((n) => n.textContent).join("").trim());
      return label;
    }));
  };
  chooser?.addEventListener("change", (event) => {
    const toggled = toggledOf(state.read());
    const key = event.target.value;
    if (!toggled.delete(key)) toggled.add(key);
    state.write({ cols: [...toggled].sort().join(",") });
  });

  const showColumns = (s) => {
    const toggled = toggledOf(s);
    const hidden = new Set(hide.split(" ").filter(Boolean));
    table.heads.forEach((head, i) => {
      if (toggled.has(head.dataset.key) && !hidden.delete(String(i + 1))) hidden.add(String(i + 1));
    });
    element.dataset.hide = [...hidden].join(" ");
    if (!chooser.contains(document.activeElement)) drawChooser(toggled);
  };

  const nothing = document.createElement("p");
  nothing.className = "nothing";
  nothing.textContent = "No model fits. ";
  const clear = document.createElement("button");
  clear.type = "button";
  clear.textContent = "Show all models";
  clear.addEventListener("click", () => state.write({ q: "", family: "", badge: "", size: "" }));
  nothing.append(clear);
  nothing.hidden = true;
  const others = document.createElement("p");
  others.className = "others";
  element.closest(".scroller").after(nothing, others);

  const show = (s) => {
    for (const name of ["family", "badge", "size"]) if (form(name)) form(name).value = s[name] || "";
    for (const name of ["variants", "unranked"]) if (form(name)) form(name).checked = s[name] === "1";
    if (document.activeElement !== form("q")) form("q").value = s.q || "";
    if (chooser) showColumns(s);
    const { key, direction } = sortOf(s);
    table.sort(key, direction);
    const words = (s.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const { element: row } of table.rows) {
      const text = row.cells[table.name].textContent.toLowerCase();
      const fits = (s.unranked === "1" || s.badge || !row.classList.contains("un"))
        && (s.variants === "1" || words.length || !row.classList.contains("var"))
        && (!s.family || row.dataset.f === s.family)
        && (!s.badge || row.dataset.b === s.badge)
        && (!s.size || row.dataset.s === s.size)
        && words.every((w) => text.includes(w));
      row.hidden = !fits;
      n += fits;
    }
    nothing.hidden = n > 0;
    gdbench.elsewhere?.(element, words, others);
    element.closest(".scroller").hidden = n === 0;
    const all = table.rows.length;
    tools.querySelector(".count").textContent = n === all ? `${all} rows` : `${n} of ${all} rows`;
  };

  tools.addEventListener("change", (event) => {
    const { name, value, checked, type } = event.target;
    if (name) state.write({ [name]: type === "checkbox" ? (checked ? "1" : "") : value });
  });
  form("q").addEventListener("input", () => state.write({ q: form("q").value }, { replace: true }));
  document.addEventListener("click", (event) => {
    const open = tools.querySelector(".chooser[open]");
    if (open && !open.contains(event.target)) open.open = false;
  });
  tools.addEventListener("keydown", (event) => {
    const open = tools.querySelector(".chooser[open]");
    if (event.key === "Escape" && open) { open.open = false; open.querySelector("summary").focus(); }
  });
  gdbench.tick(element, table);
  tools.hidden = false;
  if (Object.keys(state.read()).some((k) => ["family", "badge", "size", "cols", "unranked"].includes(k))) {
    tools.querySelector(".more")?.setAttribute("open", "");
  }
  state.listen(show);
  show(state.read());
});
