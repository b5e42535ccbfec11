// A chip for each face of a group, from left to right, with a mark where a face has an edit.

import { element, roving } from "./dom.js";
import { cropAround } from "./live/crop.js";
import { isStill } from "./record.js";

const SIDE = 96;

export function addChips(work, opening, place) {
  const chips = element(`<div class="chips" role="group" aria-label="Faces, from left to right" hidden></div>`);
  place.append(chips);
  let settle = () => {};
  const fill = async (photo) => {
    chips.hidden = photo.faces.length < 2;
    chips.replaceChildren();
    if (chips.hidden) return;
    const image = new Image();
    image.src = photo.url;
    await image.decode();
    if (work.photo !== photo) return;
    photo.faces.forEach((face, at) => {
      const chip = element(`<button type="button" class="chip" aria-label="Face ${at + 1} of ${photo.faces.length}"></button>`);
      chip.append(cut(image, face.box));
      chip.addEventListener("click", () => opening.choose(at));
      chips.append(chip);
    });
    settle = roving(chips);
    mark();
  };
  const mark = () => {
    [...chips.children].forEach((chip, at) => {
      const { edit } = work.photo.faces[at];
      const edited = Boolean(edit && !isStill(edit));
      chip.setAttribute("aria-pressed", String(at === work.at));
      chip.classList.toggle("edited", edited);
      chip.setAttribute("aria-label", `Face ${at + 1} of ${chips.children.length}${edited ? ", edited" : ""}`);
    });
    settle();
  };
  work.on("opened", fill);
  work.on("settled face", () => chips.children.length && mark());
}

function cut(image, box) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const { left, top, side } = cropAround(box, [image.naturalWidth, image.naturalHeight]);
  canvas.getContext("2d").drawImage(image, left, top, side, side, 0, 0, SIDE, SIDE);
  return canvas;
}
