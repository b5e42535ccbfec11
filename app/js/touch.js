// Moves the view of the stage: wheel, drag, pinch, double click and keys; and the Before|After handle on the picture.

import { element, icon } from "./dom.js";
import { panned, zoomed } from "./view.js";

const WHEEL = 0.0015;
const CLICK = 5; // px that a pointer may move in a click
const KEYS = { "+": 1.25, "=": 1.25, "-": 0.8 };

export function addTouch(stage, clicked) {
  const { root } = stage;
  const pointers = new Map();
  let travelled = 0;
  const at = (event) => {
    const frame = root.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const zoom = (factor, x, y) => stage.size && stage.look(zoomed(stage.view, factor, x, y, stage.size, stage.frame));

  root.addEventListener("wheel", (event) => {
    if (!stage.size) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 30 : 1) * WHEEL), ...at(event));
  }, { passive: false });
  root.addEventListener("pointerdown", (event) => {
    if (!stage.size || event.target.closest("button, .handle, label")) return;
    root.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    if (pointers.size === 1) travelled = 0;
  });
  root.addEventListener("pointermove", (event) => {
    const from = pointers.get(event.pointerId);
    if (!from) return;
    const to = at(event);
    travelled += Math.hypot(to[0] - from[0], to[1] - from[1]);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, to);
    if (travelled < CLICK) return;
    if (other) {
      const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
      zoom(apart(to) / apart(from), (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
    }
    const share = other ? 0.5 : 1;
    stage.look(panned(stage.view, share * (to[0] - from[0]), share * (to[1] - from[1]), stage.size, stage.frame));
  });
  const up = (event) => {
    const was = pointers.delete(event.pointerId);
    if (was && event.type === "pointerup" && !pointers.size && travelled < CLICK) clicked(event);
  };
  root.addEventListener("pointerup", up);
  root.addEventListener("pointercancel", up);
  root.addEventListener("dblclick", () => (stage.near ? stage.toWhole() : stage.toFace()));
  root.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    zoom(KEYS[event.key], stage.frame.width / 2, stage.frame.height / 2);
  });
}

// The handle is there while a face is edited.
export function addHandle(stage, work) {
  const handle = element(`<div class="handle" role="slider" tabindex="0" aria-label="Before and after" aria-valuemin="0"
    aria-valuemax="100" aria-valuenow="0" aria-valuetext="After" hidden><span>${icon("arrows")}</span></div>`);
  stage.root.append(handle);
  const to = (split) => stage.compare(split);
  stage.addEventListener("divided", () => {
    const [low, high] = stage.sides;
    handle.style.left = `${low + stage.split * (high - low)}px`;
    const percent = Math.round(100 * stage.split);
    handle.setAttribute("aria-valuenow", percent);
    handle.setAttribute("aria-valuetext", percent === 0 ? "After" : percent === 100 ? "Before" : `${percent}% before`);
    handle.classList.toggle("idle", stage.split === 0);
  });
  work.on("opened settled drawn", () => (handle.hidden = !work.isEdited));
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus();
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const [low, high] = stage.sides;
    const x = event.clientX - stage.root.getBoundingClientRect().left;
    const split = (x - low) / (high - low);
    to(split < 0.02 ? 0 : split > 0.98 ? 1 : split);
  });
  handle.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 0.05, ArrowUp: 0.05, ArrowLeft: -0.05, ArrowDown: -0.05, Home: -1, End: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    to(Math.round((stage.split + step) * 100) / 100);
  });
}
