// The top bar: name and menu, open a photo, undo, redo, hold to compare.

import { chooser, element, icon, onFiles } from "./dom.js";
import { addMenu } from "./rooms.js";

export function addBar(work, stage, opening, camera) {
  const bar = element(`<header class="top"></header>`);
  work.root.append(bar);
  addMenu(bar, "faces", [["Take a photo", camera], ...(work.setup.menu ?? [])]);
  const open = chooser("Open photo", { name: "photo", look: "button open" });
  open.prepend(element(icon("open")));
  onFiles(open, (files) => opening.openFiles(files));
  bar.append(open, element(`<span class="space"></span>`));
  addHistory(work, bar);

  const compare = element(`<button type="button" class="quiet compare" title="Hold to see the photo as it was">
    ${icon("compare")}<span>Hold to compare</span></button>`);
  const hold = (on) => () => {
    stage.hold(on);
    compare.setAttribute("aria-pressed", on);
  };
  for (const name of ["pointerdown"]) compare.addEventListener(name, hold(true));
  for (const name of ["pointerup", "pointercancel", "pointerleave", "blur"]) compare.addEventListener(name, hold(false));
  compare.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && hold(true)());
  compare.addEventListener("keyup", hold(false));
  compare.addEventListener("contextmenu", (event) => event.preventDefault());
  work.on("opened settled drawn", () => (compare.disabled = !work.isEdited));
  bar.append(compare);
  return bar;
}

// Undo and Redo, with their keys.
export function addHistory(work, bar) {
  const button = (name, label, keys) =>
    element(`<button type="button" class="quiet ${name}" aria-label="${label}" title="${label} (${keys})" disabled>${icon(name)}</button>`);
  const [undo, redo] = [button("undo", "Undo", "Ctrl+Z"), button("redo", "Redo", "Ctrl+Shift+Z")];
  undo.addEventListener("click", () => work.undo());
  redo.addEventListener("click", () => work.redo());
  work.on("opened settled", () => {
    undo.disabled = !work.past.length;
    redo.disabled = !work.future.length;
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("textarea, input:not([type=range])");
    if (typing || !work.root.offsetParent || !(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (event.shiftKey || key === "y") work.redo();
    else work.undo();
  });
  bar.append(undo, redo);
}
