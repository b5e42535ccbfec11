// Makes a short animation from one edit to another.

import { busy, element, escaped, save } from "./dom.js";

const GLANCES = 250; // ms between progress requests

export function addAnimation(bench, place) {
  const { words } = bench.setup;
  const formats = bench.setup.formats.map((f) => `<option value="${f}">${f.toUpperCase()}</option>`).join("");
  const part = element(`<div><p class="hint">A short film of the change, from a start to what the sliders show now.</p>
    <div class="bar">
      <label class="inline">From <select class="start"><option value="own">${escaped(words.mine)}</option>
        <option value="neutral">${escaped(words.neutral)}</option></select></label>
      <button type="button" class="button mark">Start from what is shown now</button>
      ${bench.kind === "faces" ? `<label class="inline">Of <select class="view">
        <option value="photo">the whole photo</option><option value="crop">${bench.inPhoto ? "the face" : "the drawn face"}</option></select></label>` : ""}
      <label class="inline">As <select class="format">${formats}</select></label></div>
    <div class="bar making"><button type="button" class="button slow primary make">Make the film</button>
      <button type="button" class="button keep" hidden>Download the film</button></div>
    <div class="film"></div></div>`);
  place.append(part);
  const [start, view, format] = [".start", ".view", ".format"].map((name) => part.querySelector(name));
  const [keep, film] = [part.querySelector(".keep"), part.querySelector(".film")];
  let marked = null;
  let made = null;

  part.querySelector(".mark").addEventListener("click", () => {
    marked = bench.change;
    start.querySelector("[value=marked]")?.remove();
    start.append(element(`<option value="marked" selected>The one I marked</option>`));
    start.value = "marked";
  });
  bench.on("opened", () => {
    marked = null;
    start.querySelector("[value=marked]")?.remove();
  });
  const from = async () => {
    if (start.value === "marked") return marked;
    return start.value === "neutral" ? (await bench.ask("neutral")).change : bench.still();
  };
  const make = async (tell) => {
    const job = Math.random().toString(36).slice(2);
    const fields = { job, start: await from(), end: bench.change, format: format.value, view: view?.value ?? "crop" };
    const watch = setInterval(async () => {
      const { share } = await bench.ask("progress", { job }).catch(() => ({}));
      if (share) tell(share);
    }, GLANCES);
    const answer = await bench.answer("animate", fields).finally(() => clearInterval(watch));
    const blob = await answer.blob();
    if (made) URL.revokeObjectURL(made.url);
    made = { blob, url: URL.createObjectURL(blob), name: `animation.${format.value}` };
    film.innerHTML = blob.type.startsWith("video/")
      ? `<video src="${made.url}" autoplay loop muted playsinline controls aria-label="The change as a film"></video>`
      : `<img src="${made.url}" alt="The change as a film">`;
    keep.hidden = false;
  };
  part.querySelector(".make").addEventListener("click", () =>
    bench.attempt(() => busy(part.querySelector(".making"), "Drawing the frames…", make)),
  );
  keep.addEventListener("click", () => save(made.blob, made.name));
}
