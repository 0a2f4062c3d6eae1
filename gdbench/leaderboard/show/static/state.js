"use strict";
// What the reader chose lives in the address, so it can be shared and the back button works.
window.gdbench = window.gdbench || {};
gdbench.state = (() => {
  const listeners = [];
  const read = () => {
    const found = {};
    for (const [key, value] of new URLSearchParams(location.hash.slice(1))) found[key] = value;
    return found;
  };
  const tell = () => listeners.forEach((f) => f(read()));
  const write = (changes, { replace = false } = {}) => {
    const next = { ...read(), ...changes };
    const params = new URLSearchParams();
    for (const key of Object.keys(next).sort()) {
      if (next[key] !== "" && next[key] != null) params.set(key, next[key]);
    }
    const hash = params.size ? `#${params}` : location.pathname + location.search;
    if (`#${params}` !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", hash);
    tell();
  };
  addEventListener("popstate", tell);
  return { read, write, listen: (f) => listeners.push(f) };
})();
