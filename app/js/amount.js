// A slider for how much of an expression is taken, as a share of one.

import { element, escaped } from "./dom.js";

export function addAmount(work, place, label, shown) {
  const id = `amount-${Math.random().toString(36).slice(2)}`;
  const part = element(`<div class="slider amount"><div class="head"><label for="${id}">${escaped(label)}</label><output>100%</output></div>
    <input type="range" id="${id}" min="0" max="150" step="5" value="100"></div>`);
  place.append(part);
  const [range, output] = [part.querySelector("input"), part.querySelector("output")];
  const follow = () => {
    const percent = Math.round(100 * work.edit.amount);
    part.hidden = !shown(work.edit);
    if (Number(range.value) !== percent) range.value = percent;
    output.textContent = `${percent}%`;
    range.style.setProperty("--at", percent / 150);
  };
  let keys = false;
  range.addEventListener("keydown", () => (keys = true));
  range.addEventListener("pointerdown", () => (keys = false));
  range.addEventListener("input", () => work.move({ ...work.edit, amount: Number(range.value) / 100 }));
  range.addEventListener("change", () => work.settle(keys ? "amount" : ""));
  work.on("opened face changed settled", follow);
  follow();
}
