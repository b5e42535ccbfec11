// The first mode: expressions as pictures of this face.

import { connection } from "./api.js";
import { addAmount } from "./amount.js";
import { element, escaped, icon, roving } from "./dom.js";
import { blank, isStill, startedFrom } from "./record.js";

export function addExpressions(work, place) {
  const tiles = element(`<div class="tiles" role="group" aria-label="Expressions"></div>`);
  place.append(tiles);
  const add = (name, label, edit, mark = "") => {
    const tile = element(`<button type="button" data-tile="${escaped(name)}" aria-pressed="false"><span class="picture"><img alt="" hidden>
      ${mark}</span><span>${escaped(label)}</span></button>`);
    tiles.append(tile);
    return { name, tile, image: tile.querySelector("img"), edit };
  };
  const all = [
    add("as is", "As is", blank()),
    ...work.setup.tiles.map(({ name, label }) => add(name, label, { ...blank(), tile: name })),
    add("surprise", "Surprise me", null, `<i>${icon("dice")}</i>`),
  ];
  for (const { tile, edit } of all) {
    tile.addEventListener("click", () => {
      if (!work.face?.e) return;
      work.become(edit ? startedFrom(work.edit, edit) : { ...startedFrom(work.edit, { seed: random() }), amount: 1 });
    });
  }
  const settle = roving(tiles, "button", false);
  addAmount(work, place, "Amount", (edit) => edit.tile !== null || edit.seed !== null);

  const fill = () => {
    const { face } = work;
    for (const { edit, image } of all) {
      image.hidden = true;
      if (edit && face?.e) work.thumbnails.show(image, face, edit);
    }
  };
  const mark = () => {
    const { edit, face } = work;
    for (const { name, tile, image } of all) {
      const chosen = name === "surprise" ? edit.seed !== null : name === "as is" ? isStill(edit) : edit.tile === name;
      tile.setAttribute("aria-pressed", String(chosen));
      if (name === "surprise" && edit.seed !== null && face?.e) work.thumbnails.show(image, face, { ...blank(), seed: edit.seed });
    }
    settle();
  };
  work.on("opened face", fill);
  connection.addEventListener("online", fill);
  work.on("opened face settled", mark);
  fill();
  mark();
}

const random = () => Math.floor(Math.random() * 1e6);
