// The right side: three modes, each with its panel, and Advanced below them.

import { addAdvanced } from "./advanced.js";
import { element, roving } from "./dom.js";
import { addExpressions } from "./expressions.js";
import { addFootnote } from "./footnote.js";
import { blank } from "./record.js";
import { addReference } from "./reference.js";
import { addTune } from "./tune.js";

const MODES = [["expressions", "Expressions", addExpressions], ["tune", "Fine-tune", addTune], ["photo", "From a photo", addReference]];

export function addPanels(work, place) {
  const names = element(`<div class="modes" role="tablist" aria-label="How to edit">${MODES.map(
    ([name, label]) => `<button type="button" role="tab" id="mode-${name}" aria-controls="panel-${name}" aria-selected="false">${label}</button>`,
  ).join("")}</div>`);
  place.append(names);
  const body = element(`<div class="panels"></div>`);
  place.append(body);
  const panels = new Map();
  const choose = (name) => {
    if (work.mode === name) return;
    work.mode = name;
    for (const [mode, , add] of MODES) {
      const chosen = mode === name;
      names.querySelector(`#mode-${mode}`).setAttribute("aria-selected", String(chosen));
      if (chosen && !panels.has(mode)) {
        const panel = element(`<div class="panel ${mode}" role="tabpanel" id="panel-${mode}" aria-labelledby="mode-${mode}"></div>`);
        panels.set(mode, panel);
        body.insertBefore(panel, foot);
        add(work, panel);
        work.emit("panel", mode);
      }
      if (panels.has(mode)) panels.get(mode).hidden = !chosen;
    }
    settle();
    work.emit("mode", name);
  };
  for (const [name] of MODES) names.querySelector(`#mode-${name}`).addEventListener("click", () => choose(name));
  const settle = roving(names);
  const foot = element(`<div class="foot"><div class="bar"><button type="button" class="button reset">Reset</button>
    <button type="button" class="button neutral">Neutral</button></div></div>`);
  body.append(foot);
  foot.querySelector(".reset").addEventListener("click", () => work.reset());
  foot.querySelector(".neutral").addEventListener("click", () => work.become({ ...blank(), tile: "neutral" }));
  addAdvanced(work, foot);
  addFootnote(work, foot, "small"); // on a phone, where there is no room under the photo
  work.on("opened face", () => place.classList.toggle("nobody", !work.face?.e));
  work.on("mode", (name) => MODES.some(([mode]) => mode === name) && choose(name));
  choose(MODES[0][0]);
}
