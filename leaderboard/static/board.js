"use strict";
// The home page: suite, sorting, filters, columns. Without this file all tables stand in full.
addEventListener("DOMContentLoaded", () => {
  const { state } = gdbench;
  const tools = document.querySelector(".tools");
  if (!tools) return;
  const form = (name) => tools.querySelector(`[name="${name}"]`);
  const pools = [...document.querySelectorAll(".pool")].map((section) => {
    const element = section.querySelector("table");
    return { section, element, key: section.dataset.pool, table: gdbench.table(element), hide: element.dataset.hide };
  });
  const poolOf = (s) => pools.find((p) => p.key === s.suite) || pools[0];
  const sortOf = (s) => {
    const [key, direction] = (s.sort || "score.down").split(".");
    return { key, direction: direction === "up" ? "up" : "down" };
  };

  for (const pool of pools) {
    for (const head of pool.table.heads) {
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
  }

  const chooser = tools.querySelector(".chooser > div");
  const drawChooser = (pool, toggled) => {
    const hidden = new Set(pool.hide.split(" "));
    chooser.replaceChildren(...pool.table.heads.slice(2).map((head, i) => {
      const label = document.createElement("label");
      label.className = "tick";
      const box = document.createElement("input");
      box.type = "checkbox";
      box.value = head.dataset.key;
      box.checked = hidden.has(String(i + 3)) === toggled.has(head.dataset.key);
      const group = head.querySelector("em");
      label.append(box, (group ? `${group.textContent}: ` : "") + [...head.querySelector("button").childNodes].filter((n) => n !== group).map((n) => n.textContent).join("").trim());
      return label;
    }));
  };
  chooser.addEventListener("change", (event) => {
    const toggled = new Set((state.read().cols || "").split(",").filter(Boolean));
    const key = event.target.value;
    if (!toggled.delete(key)) toggled.add(key);
    state.write({ cols: [...toggled].sort().join(",") });
  });

  const show = (s) => {
    const pool = poolOf(s);
    const toggled = new Set((s.cols || "").split(",").filter(Boolean));
    for (const p of pools) p.section.hidden = p !== pool;
    for (const radio of tools.querySelectorAll('[name="suite"]')) radio.checked = radio.value === pool.key;
    for (const name of ["family", "badge", "size"]) form(name).value = s[name] || "";
    if (document.activeElement !== form("q")) form("q").value = s.q || "";
    form("chance").checked = s.chance === "1";
    form("unranked").checked = s.unranked === "1";
    const hidden = new Set(pool.hide.split(" "));
    pool.table.heads.forEach((head, i) => {
      if (toggled.has(head.dataset.key) && !hidden.delete(String(i + 1))) hidden.add(String(i + 1));
    });
    pool.element.dataset.hide = [...hidden].join(" ");
    pool.element.classList.toggle("with-chance", s.chance === "1");
    if (!chooser.contains(document.activeElement)) drawChooser(pool, toggled);
    const { key, direction } = sortOf(s);
    pool.table.sort(key, direction);
    const words = (s.q || "").toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const { element } of pool.table.rows) {
      const text = element.cells[1].textContent.toLowerCase();
      const fits = (s.unranked === "1" || s.badge || !element.classList.contains("un"))
        && (!s.family || element.dataset.f === s.family)
        && (!s.badge || element.dataset.b === s.badge)
        && (!s.size || element.dataset.s === s.size)
        && words.every((w) => text.includes(w));
      element.hidden = !fits;
      n += fits;
    }
    const all = pool.table.rows.length;
    tools.querySelector(".count").textContent = n === all ? `${all} models` : `${n} of ${all} models`;
  };

  tools.addEventListener("change", (event) => {
    const { name, value, checked } = event.target;
    if (name === "chance" || name === "unranked") state.write({ [name]: checked ? "1" : "" });
    else if (["suite", "family", "badge", "size"].includes(name)) state.write({ [name]: value });
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
  if (matchMedia("(max-width: 40rem)").matches) tools.querySelector(".more").open = false;
  state.listen(show);
  show(state.read());
});
