// One slider per direction, in sigmas, below a strip of previews of the opened image from at most -2 to +2.

import { LATER } from "./workbench.js";
import { element, escaped } from "./dom.js";

const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;

export function addSliders(bench, place) {
  const one = ({ label, low, high, stops }, i) => `<div class="slider" data-i="${i}">
    <div class="head"><label for="${bench.kind}-${i}">${escaped(label)}</label><output>0.00</output></div>
    <div class="strip">${stops.map(
      (sigma) => `<button type="button" data-sigma="${sigma}" aria-label="${escaped(label)} ${sigma}"></button>`,
    ).join("")}</div>
    <input type="range" id="${bench.kind}-${i}" min="${low}" max="${high}" step="0.05" value="0"
      title="Double-click to reset"></div>`;
  const numbered = bench.directions.map((direction, i) => [direction, i]);
  const list = (hidden) =>
    numbered.filter(([d]) => d.hidden === hidden).map(([d, i]) => one(d, i)).join("");
  const more = list(true);
  const part = element(`<div>
    <div class="bar">
      <button type="button" class="button neutral">${escaped(bench.setup.words.neutral)}</button>
      <button type="button" class="button reset">Reset</button>
      <button type="button" class="button undo" title="Ctrl+Z" disabled>Undo</button>
      <button type="button" class="button redo" title="Ctrl+Shift+Z" disabled>Redo</button>
    </div>
    <div class="sliders">${list(false)}</div>
    ${more && `<details class="more"><summary>More sliders, without a clear name</summary>
      <div class="sliders">${more}</div></details>`}
  </div>`);
  place.append(part);
  const sliders = [...part.querySelectorAll(".slider")];
  const at = (slider) => Number(slider.dataset.i);
  const set = (i, value) => {
    const values = [...bench.change.values];
    values[i] = value;
    return { ...bench.change, values };
  };

  for (const slider of sliders) {
    const range = slider.querySelector("input");
    range.addEventListener("input", () => bench.move(set(at(slider), Number(range.value))));
    range.addEventListener("change", () => bench.settle()); // at the end of a drag, and on each key press
    range.addEventListener("dblclick", () => bench.become(set(at(slider), 0)));
    slider.querySelector(".strip").addEventListener("click", (event) => {
      const sigma = event.target.closest("button")?.dataset.sigma;
      if (sigma !== undefined) bench.become(set(at(slider), Number(sigma)));
    });
  }
  const press = (name, act) => part.querySelector(`.${name}`).addEventListener("click", act);
  press("neutral", () => bench.attempt(async () => bench.become((await bench.ask("neutral")).change)));
  press("reset", () => bench.become(bench.still()));
  press("undo", () => bench.undo());
  press("redo", () => bench.redo());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("textarea, input:not([type=range])");
    if (typing || !bench.root.offsetParent || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    if (event.shiftKey) bench.redo();
    else bench.undo();
  });

  const follow = () => {
    for (const slider of sliders) {
      const value = bench.change.values[at(slider)];
      const range = slider.querySelector("input");
      if (Number(range.value) !== value) range.value = value;
      slider.querySelector("output").textContent = signed(value);
      slider.classList.toggle("moved", value !== 0);
    }
    part.querySelector(".undo").disabled = !bench.past.length;
    part.querySelector(".redo").disabled = !bench.future.length;
  };
  bench.on("changed", follow);
  bench.on("settled", follow);
  bench.on("opened", (record) => {
    follow();
    part.querySelectorAll(".strip img").forEach((image) => image.remove()); // of the previous image
    if (!record.original) return;
    bench.attempt(async () => {
      await new Promise((later) => setTimeout(later, LATER));
      const { strips } = await bench.ask("strips");
      if (bench.record !== record) return;
      for (const slider of sliders) {
        slider.querySelectorAll(".strip button").forEach((button, k) => {
          button.innerHTML = `<img src="${strips[at(slider)][k]}" alt="">`;
        });
      }
    });
  });
}
