// Styles for a digit: those of other digits, and random ones.

import { send } from "./api.js";
import { addAmount } from "./amount.js";
import { element, escaped, icon, isPicture, onFiles, roving } from "./dom.js";
import { blank, isStill, startedFrom } from "./record.js";
import { fitting } from "./shrinking.js";

export function addStyles(work, place) {
  const part = element(`<section><h3>Take the style of another</h3><div class="pictures donors"></div></section>`);
  place.append(part);
  const donors = part.querySelector(".donors");
  const items = work.setup.donors.map((donor) => ({ ...donor }));
  const add = element(`<label class="add" title="Add a picture of a digit">${icon("plus")}<span>Add</span>
    <input type="file" name="donor" accept="image/*,.heic,.heif,.avif" aria-label="Add a picture of a digit"></label>`);
  const surprise = element(`<button type="button" class="surprise" aria-pressed="false"><img alt="" hidden><span>Surprise me</span></button>`);
  surprise.addEventListener("click", () => work.become(startedFrom(work.edit, { seed: Math.floor(Math.random() * 1e6) })));
  donors.append(surprise, add);

  const insert = (donor, before) => {
    donor.button = element(`<button type="button" aria-pressed="false"><img src="${donor.picture}" alt="${escaped(donor.label)}"></button>`);
    donor.button.addEventListener("click", () =>
      work.attempt(async () => {
        donor.e ??= (await work.keys.ask("pick", { key: donor.key })).e;
        work.become(startedFrom(work.edit, { e: donor.e }));
      }));
    donors.insertBefore(donor.button, before);
  };
  items.forEach((donor) => insert(donor, surprise));
  const settle = roving(donors, "button", false);
  const mark = () => {
    const { e, seed } = work.edit;
    for (const donor of items) donor.button.setAttribute("aria-pressed", String(Boolean(donor.e) && JSON.stringify(donor.e) === JSON.stringify(e)));
    surprise.setAttribute("aria-pressed", String(seed !== null));
    if (seed !== null && work.face) work.thumbnails.show(surprise.querySelector("img"), work.face, { ...blank(), seed });
    settle();
  };
  work.on("opened face settled", mark);
  onFiles(add, (files) =>
    work.attempt(async () => {
      const file = files.find(isPicture);
      if (!file) return work.tell("This is not a picture. Choose a JPEG, PNG, WebP or HEIC file.");
      const { blob } = await fitting(file, work.setup.limits);
      const record = await (await send(work.kind, "open", blob)).json();
      const { crop } = await work.keys.ask("seen", { key: record.key });
      const donor = { key: record.key, e: record.e, picture: crop, label: file.name };
      insert(donor, donors.firstChild);
      items.unshift(donor);
      return work.become(startedFrom(work.edit, { e: donor.e }));
    }));
  addAmount(work, part, "Amount", (edit) => edit.e !== null || edit.seed !== null || (edit.tile !== null && !isStill(edit)));
  mark();
}
