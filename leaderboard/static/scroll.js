"use strict";
// A table or plot is a stop of the keyboard, and a landmark, only while there is something to scroll.
// Without this file each of them is.
addEventListener("DOMContentLoaded", () => {
  const look = (box) => {
    const goes = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
    box.setAttribute("role", goes ? "region" : "group");
    if (goes) box.tabIndex = 0;
    else if (box !== document.activeElement) box.removeAttribute("tabindex");
  };
  const sizes = new ResizeObserver((entries) => {
    for (const box of new Set(entries.map((e) => e.target.closest(".scroller")))) look(box);
  });
  for (const box of document.querySelectorAll(".scroller")) {
    for (const part of [box, ...box.children]) sizes.observe(part);
  }
});
