"use strict";
// Error curves of an item: one small plot for each model, drawn from data that is loaded on demand.
// A script element is used because pages on file:// may not fetch.
window.gdbench = window.gdbench || {};
(() => {
  const NS = "http://www.w3.org/2000/svg";
  const waiting = [];
  let data = null;
  let asked = false;
  gdbench.curves = (found) => {
    data = found;
    waiting.splice(0).forEach((f) => f());
  };
  const element = (name, attributes, ...children) => {
    const node = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const plot = (model, { t, v, u }, gold, heads) => {
    const width = 320, height = 170, left = 44, right = 10, top = 22, bottom = 26;
    const peak = Math.max(1, ...v.flat().map(Math.abs));
    const x = (i) => left + ((t[i] - t[0]) / ((t.at(-1) - t[0]) || 1)) * (width - left - right);
    const y = (value) => top + ((peak - value) / (2 * peak)) * (height - top - bottom);
    const label = (words, px, py, style, anchor = "start") =>
      element("text", { x: px, y: py, class: style, "text-anchor": anchor }, words);
    const svg = element("svg", {
      viewBox: `0 0 ${width} ${height}`, width, height, class: "plot", role: "img",
      "aria-label": `${model}: error by timestep of ${v.length} candidates, less their mean; right answer ${gold.map((g) => heads[g]).join(", ")}`,
    });
    svg.append(label(model, 0, 12, "heading"));
    svg.append(element("line", { x1: left, x2: width - right, y1: y(0), y2: y(0), class: "reference" }));
    for (const value of [peak, 0, -peak]) svg.append(label((value * u).toPrecision(2).replace("-", "−").replace(/^0\.0+$/, "0"), left - 5, y(value) + 4, "tick", "end"));
    svg.append(label(String(t[0]), left, height - 8, "tick"));
    svg.append(label(`timestep ${t.at(-1)}`, width - right, height - 8, "tick", "end"));
    const order = [...v.keys()].sort((a, b) => gold.includes(a) - gold.includes(b));
    for (const k of order) {
      const points = v[k].map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      svg.append(element("polyline", { points, class: gold.includes(k) ? "right" : "wrong" }));
    }
    return svg;
  };
  const draw = (box, id) => {
    const gold = box.dataset.gold.split(" ").filter(Boolean).map(Number);
    const heads = box.dataset.heads.split(" ");
    const plots = Object.keys(data).filter((m) => data[m][id]).map((m) => plot(m, data[m][id], gold, heads));
    const note = document.createElement("p");
    note.textContent = plots.length
      ? "Error of each candidate less the mean of all; lower is a better match. Thick: the right answer."
      : "No errors were logged for this item.";
    box.replaceChildren(note, ...plots);
  };
  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (!details.matches?.(".curves[open]")) return;
    const box = details.querySelector(".drawing");
    if (box.childElementCount) return;
    const show = () => draw(box, details.dataset.item);
    if (data) { show(); return; }
    waiting.push(show);
    if (asked) return;
    asked = true;
    const script = document.createElement("script");
    script.src = box.dataset.src;
    script.addEventListener("error", () => { box.textContent = "The curves could not be loaded."; });
    document.head.append(script);
  }, true);
})();
