// The second mode: sliders with their zero in the middle, for mouth, eyes, brows and head.

import { element, escaped, roving } from "./dom.js";

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];
const EXTENT = 100; // steps from the middle to an end

export function addTune(work, place) {
  const names = element(`<div class="names" role="group" aria-label="Which slider"></div>`); // on a phone, one slider at a time
  const part = element(`<div class="tune"></div>`);
  place.append(names, part);
  const sliders = [];
  for (const [group, controls] of work.setup.controls) {
    const section = element(`<section><h3>${escaped(group)}</h3></section>`);
    part.append(section);
    for (const control of controls) sliders.push(addSlider(work, section, control));
  }
  const choose = (chosen) =>
    sliders.forEach((slider) => {
      slider.part.classList.toggle("current", slider === chosen);
      slider.name.setAttribute("aria-pressed", String(slider === chosen));
    });
  for (const slider of sliders) {
    slider.name = element(`<button type="button" aria-pressed="false">${escaped(slider.control.label)}</button>`);
    slider.name.addEventListener("click", () => choose(slider));
    names.append(slider.name);
  }
  choose(sliders[0]);
  roving(names);
  const follow = () => sliders.forEach((slider) => slider.follow());
  work.on("opened face changed settled", follow);
  follow();
}

// A slider of a direction of e (in sigmas) or of a gesture. Its position is a share of the way to either end.
function addSlider(work, place, control) {
  const id = `tune-${work.kind}-${control.name.replace(/\W/g, "-")}`;
  const { field, name, label, less = "", more = "" } = control;
  const lowest = control.low < 0 ? -EXTENT : 0;
  const part = element(`<div class="slider${lowest ? " centred" : ""}"><div class="head"><label for="${id}">${escaped(label)}</label><output>0</output></div>
    <input type="range" id="${id}" min="${lowest}" max="${EXTENT}" step="1" value="0" title="Double-click to reset">
    ${less || more ? `<div class="ends" aria-hidden="true"><span>${escaped(less)}</span><span>${escaped(more)}</span></div>` : ""}</div>`);
  place.append(part);
  const [range, output] = [part.querySelector("input"), part.querySelector("output")];
  const ends = () => {
    const reach = field === "named" && work.face?.reach?.[control.index];
    return reach || [control.low, control.high];
  };
  const set = (position) => {
    const [low, high] = ends();
    const value = Math.round(1000 * (position < 0 ? (-position * low) / EXTENT : (position * high) / EXTENT)) / 1000;
    return { ...work.edit, mode: "tune", [field]: { ...work.edit[field], [name]: value } };
  };
  const follow = () => {
    const value = work.edit[field][name] ?? 0;
    const [low, high] = ends();
    const position = Math.round(EXTENT * (value < 0 ? -value / low : value / high));
    if (Number(range.value) !== position) range.value = position;
    output.textContent = position > 0 && lowest ? `+${position}` : position < 0 ? `−${-position}` : String(position);
    part.classList.toggle("moved", position !== 0);
    range.style.setProperty("--at", (position - lowest) / (EXTENT - lowest));
  };
  let keys = false;
  range.addEventListener("keydown", (event) => (keys = KEYS.includes(event.key)));
  range.addEventListener("pointerdown", () => (keys = false));
  range.addEventListener("input", () => work.move(set(Number(range.value))));
  range.addEventListener("change", () => work.settle(keys ? id : ""));
  range.addEventListener("dblclick", () => work.become(set(0)));
  return { control, part, follow };
}
