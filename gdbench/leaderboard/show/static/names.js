"use strict";
// Search in a table of several pages: names of the other pages are loaded when something is typed.
window.gdbench = window.gdbench || {};
(() => {
  let all = null;
  let asked = false;
  let again = () => {};
  gdbench.names = (found) => { all = found; again(); };
  gdbench.elsewhere = (table, words, box) => {
    const source = table.dataset.names;
    box.replaceChildren();
    if (!source || !words.length) return;
    again = () => gdbench.elsewhere(table, words, box);
    if (!all) {
      if (asked) return;
      asked = true;
      const script = document.createElement("script"); // pages on file:// may not fetch
      script.src = source;
      document.head.append(script);
      return;
    }
    const here = decodeURIComponent(location.pathname.split("/").pop());
    const hits = all.filter(([name, page]) => page !== here && words.every((w) => name.toLowerCase().includes(w)));
    if (!hits.length) return;
    box.append(`On other pages: ${hits.length}. `);
    for (const [name, page] of hits.slice(0, 20)) {
      const link = document.createElement("a");
      link.href = `${page}#${new URLSearchParams({ q: name })}`;
      link.textContent = name;
      box.append(link, " ");
    }
  };
})();
