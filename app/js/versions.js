// A strip of versions of the chosen face: one for every start (a tile, a surprise, another's expression) that was tried.

import { element, roving } from "./dom.js";
import { isStill, plain, same } from "./record.js";

const MOST = 12;

export function addVersions(work, place) {
  const strip = element(`<div class="versions" role="group" aria-label="Versions" hidden></div>`);
  place.append(strip);
  let settle = () => {};

  // The newest version follows the sliders; another start begins another version.
  const note = () => {
    const { face, edit } = work;
    if (!face?.versions || isStill(edit) || face.versions.some((one) => same(one, edit))) return show();
    const last = face.versions.at(-1);
    if (last && startOf(last) === startOf(edit) && !last.kept) face.versions[face.versions.length - 1] = edit;
    else face.versions.push(edit);
    face.versions.splice(0, face.versions.length - MOST);
    return show();
  };
  const show = () => {
    const { face, edit } = work;
    const versions = face?.versions ?? [];
    strip.hidden = versions.length < 2;
    if (strip.hidden) return strip.replaceChildren();
    strip.replaceChildren(
      ...versions.map((version, at) => {
        const button = element(`<button type="button" aria-pressed="${same(version, edit)}" aria-label="Version ${at + 1}">
          <img alt="" hidden></button>`);
        work.thumbnails.show(button.querySelector("img"), face, version);
        button.addEventListener("click", () => work.become(version));
        return button;
      }),
    );
    settle();
    return undefined;
  };
  settle = roving(strip, "button", false);
  work.on("opened", show);
  work.on("settled", note);
}

const startOf = (edit) => JSON.stringify([edit.tile, edit.seed, edit.e, plain(edit).donor]);
