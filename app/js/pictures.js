// Shows the model's input, its reconstruction, the edit, how much the identity shifts, and messages.

import { element, escaped, sentence, show } from "./dom.js";

export function addPictures(bench, place) {
  const { words } = bench.setup;
  const figure = (name, caption) =>
    `<figure class="${name}"><img alt="${escaped(caption)}" hidden decoding="sync">
      <canvas aria-hidden="true" width="0" hidden></canvas><div class="empty"></div><figcaption>${escaped(caption)}</figcaption></figure>`;
  const part = element(`<div class="seen">
    <div class="trio">${figure("original", words.original)}${figure("copy", words.copy)}${figure("edit", words.edit)}</div>
    <div class="bar likeness"><label class="identity-shift" title="How much of who it is the edit has changed, as the model sees it" hidden>
      <span>Likeness kept</span> <meter min="0" max="1" low="0.25" high="0.55" optimum="1" value="1"></meter>
      <output></output></label></div>
    <div class="notices" aria-live="polite"></div>
  </div>`);
  place.append(part);
  const [original, copy, edit] = part.querySelectorAll("img");
  const canvas = part.querySelector(".edit canvas");
  const notices = part.querySelector(".notices");
  const shift = part.querySelector(".identity-shift");

  const put = async (image, source) => {
    await show(image, source);
    image.hidden = false;
  };
  bench.on("opened", (record) => {
    canvas.hidden = true;
    if (!record.original) {
      for (const image of [original, copy, edit]) image.hidden = true;
      shift.hidden = true;
      return;
    }
    put(original, record.original);
    put(copy, record.copy);
    put(edit, bench.inPhoto ? record.original : record.copy);
  });
  bench.on("drawn", async (picture) => {
    await put(edit, picture);
    if (bench.drawn === bench.change) canvas.hidden = true;
  });
  bench.on("sketched", (picture) => {
    if (canvas.width !== picture.width) canvas.width = canvas.height = picture.width;
    canvas.getContext("2d").putImageData(picture, 0, 0);
    canvas.dataset.sketches = Number(canvas.dataset.sketches ?? 0) + 1;
    canvas.hidden = false;
  });
  bench.on("words", ({ words: said, kind }) => {
    const lines = said.map((line) => `<p>${escaped(sentence(line))}</p>`).join("");
    notices.innerHTML = lines && `<div class="notice ${kind}">${lines}</div>`;
  });
  bench.on("identity_shift", ({ identity_shift: away, words }) => {
    shift.hidden = false;
    shift.querySelector("meter").value = 1 - away;
    shift.querySelector("output").textContent = words;
  });
}
