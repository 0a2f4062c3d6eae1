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
  const boxes = gdbench.tick(element, table);
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
  const more = document.createElement("button");
  more.type = "button";
  more.hidden = true;
  element.closest(".scroller").after(nothing, more);

  // of a table of several pages the own rows, until a choice asks for those of all
  const own = new Set(table.rows.map((r) => r.element));
  const paged = "pages" in element.dataset;
  const pager = section.querySelector(".pager");
  const most = own.size;
  let shown = most;
  let whole = null;
  let complete = !paged;
  const loadAll = () => {
    whole ??= gdbench.whole(element).then((elements) => {
      table.read(elements);
      boxes();
      complete = true;
      show(state.read());
    }, () => { tools.querySelector(".count").textContent = "The rows of the other pages could not be loaded."; });
  };
  more.addEventListener("click", () => { shown += most; show(state.read(), { keep: true }); });

  const show = (s, { keep = false } = {}) => {
    for (const name of ["family", "badge", "size"]) if (form(name)) form(name).value = s[name] || "";
    for (const name of ["variants", "unranked"]) if (form(name)) form(name).checked = s[name] === "1";
    if (document.activeElement !== form("q")) form("q").value = s.q || "";
    if (chooser) showColumns(s);
    const { key, direction } = sortOf(s);
    const words = (s.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    const usual = sortOf({});
    const everywhere = paged && (key !== usual.key || direction !== usual.direction || words.length > 0
      || ["family", "badge", "size"].some((name) => s[name]));
    if (everywhere) loadAll();
    if (!keep) shown = most;
    table.sort(key, direction);
    let n = 0;
    for (const row of element.tBodies[0].rows) {
      const text = row.cells[table.name].textContent.toLowerCase();
      const fits = (everywhere || !paged || own.has(row))
        && (s.unranked === "1" || s.badge || !row.classList.contains("un"))
        && (s.variants === "1" || words.length || !row.classList.contains("var"))
        && (!s.family || row.dataset.f === s.family)
        && (!s.badge || row.dataset.b === s.badge)
        && (!s.size || row.dataset.s === s.size)
        && words.every((w) => text.includes(w));
      n += fits;
      row.hidden = !fits || (everywhere && n > shown);
    }
    nothing.hidden = n > 0;
    element.closest(".scroller").hidden = n === 0;
    more.hidden = !everywhere || n <= shown;
    more.textContent = `Show ${Math.min(most, n - shown)} more`;
    if (pager) pager.hidden = everywhere;
    const all = everywhere || !paged ? table.rows.length : own.size;
    const first = everywhere && n > shown ? `, the first ${shown} shown` : "";
    tools.querySelector(".count").textContent = everywhere && !complete ? "Loading the rows of the other pages"
      : (n === all ? `${all} rows` : `${n} of ${all} rows`) + first;
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
  tools.hidden = false;
  if (Object.keys(state.read()).some((k) => ["family", "badge", "size", "cols", "unranked"].includes(k))) {
    tools.querySelector(".more")?.setAttribute("open", "");
  }
  state.listen((s) => show(s));
  show(state.read());
});
