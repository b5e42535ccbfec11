// Builds the rooms of the page in the elements that app/page makes.

import { leave } from "./api.js";
import { addBar } from "./bar.js";
import { openCamera } from "./camera.js";
import { addChips } from "./chips.js";
import { buildDigits } from "./digits.js";
import { element } from "./dom.js";
import { Drawing } from "./drawing.js";
import { addExamples, firstEdit } from "./examples.js";
import { addFootnote } from "./footnote.js";
import { Keeping } from "./keeping.js";
import { addNotices } from "./notices.js";
import { Opening, addDropping } from "./opening.js";
import { addPanels } from "./panels.js";
import { addMenu, followLinks as follow, whenVisited } from "./rooms.js";
import { addSaving } from "./saving.js";
import { Stage } from "./stage.js";
import { joinTabs, wasDeleted } from "./tabs.js";
import { addHandle, addTouch } from "./touch.js";
import { addVersions } from "./versions.js";
import { addViews } from "./views.js";
import { Work } from "./work.js";

export const followLinks = () => follow();

window.addEventListener("pagehide", leave); // the photo is opened again if the visitor comes back
let isStartingAgain = false; // because another tab has deleted everything
joinTabs(() => {
  isStartingAgain = true;
  location.reload();
});

export function mount(host) {
  const root = host.querySelector(".rb");
  if (!root || root.dataset.mounted) return;
  root.dataset.mounted = "yes";
  const setup = JSON.parse(root.dataset.setup);
  root.textContent = "";
  if (setup.kind === "faces") whenVisited("faces", () => buildFaces(root, setup));
  else if (setup.kind === "digits") buildDigits(root, setup);
  else buildText(root, setup);
}

function buildFaces(root, setup) {
  const work = new Work(root, setup);
  const [left, right] = [element(`<main class="left"></main>`), element(`<section class="right" aria-label="Edit"></section>`)];
  const stage = new Stage(left);
  const drawing = new Drawing(work, stage);
  const opening = new Opening(work, stage, drawing);
  const take = (files) => opening.openFiles(files);
  addBar(work, stage, opening, () => openCamera(work, stage, (photo) => opening.openFiles([photo])));
  addSaving(work, opening);
  root.append(left, right);
  addTouch(stage, (event) => clicked(work, stage, opening, event));
  addHandle(stage, work);
  addViews(work, stage);
  addNotices(work, left);
  const under = element(`<div class="under"></div>`);
  left.append(under);
  addChips(work, opening, under);
  addVersions(work, under);
  addExamples(work, opening, under);
  addFootnote(work, left);
  addPanels(work, right);
  addDropping(work, take);
  root.append(element(`<div class="dropzone" aria-hidden="true"><p>Drop a photo here</p></div>`));
  const keeping = (work.keeping = new Keeping(work, opening));
  window.addEventListener("beforeunload", (event) => work.unsaved && !keeping.holds && !isStartingAgain && event.preventDefault());
  if (wasDeleted()) work.tell("Your photos were deleted, as you asked in another tab.", "note");
  keeping.restore().then((done) => done || !setup.examples.length || opening.openExample(setup.examples[0], firstEdit(setup)));
}

// A click on the photo chooses the face there; where no face was found, two clicks say where the eyes are.
function clicked(work, stage, opening, event) {
  const { photo } = work;
  if (!photo) return;
  const [x, y] = stage.point(event);
  if (!photo.faces.length) return void pointed(stage, opening, [x, y]);
  const at = photo.faces.findIndex(({ box }) => box && x > box[0] && x < box[2] && y > box[1] && y < box[3]);
  if (at >= 0 && at !== work.at) opening.choose(at);
}

function pointed(stage, opening, point) {
  stage.eyes = [...(stage.eyes ?? []), point].slice(-2);
  stage.dispatchEvent(new Event("eyes"));
  if (stage.eyes.length < 2) return;
  opening.point([...stage.eyes].sort((a, b) => a[0] - b[0]));
  stage.eyes = [];
  stage.dispatchEvent(new Event("eyes"));
}

function buildText(root, setup) {
  const bar = element(`<header class="top"></header>`);
  root.append(bar);
  addMenu(bar, setup.kind);
}
