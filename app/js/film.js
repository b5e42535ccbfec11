// Save as a film: a short one of the change, from a start to what is shown now.

import { busy, element, escaped, save } from "./dom.js";
import { blank, plain } from "./record.js";
import { fileName } from "./saving_names.js";

const GLANCES = 250; // ms between progress requests

export function addFilm(work, place) {
  const formats = work.setup.formats.map((f) => `<option value="${f}">${f === "webp" ? "WebP" : f.toUpperCase()}</option>`).join("");
  const faces = work.kind === "faces";
  const part = element(`<div class="filming"><div class="bar">
      <label class="inline">From <select class="start"><option value="own">as it was</option>
        <option value="neutral">${escaped(faces ? "the neutral face" : "the plain digit")}</option></select></label>
      ${faces ? `<label class="inline">Of <select class="view"><option value="photo">the whole photo</option>
        <option value="crop">the face</option></select></label>` : ""}
      <label class="inline">As <select class="format">${formats}</select></label></div>
    <div class="bar making"><button type="button" class="button slow primary make">Make the film</button>
      <button type="button" class="button keep" hidden>Save the film</button></div>
    <p class="notice error" hidden></p><div class="film"></div></div>`);
  place.append(part);
  const [start, view, format] = [".start", ".view", ".format"].map((name) => part.querySelector(name));
  const [keep, film, refused] = [".keep", ".film", ".notice"].map((name) => part.querySelector(name));
  let made = null;

  const make = async (tell) => {
    const job = Math.random().toString(36).slice(2);
    const { key } = work.face;
    const from = start.value === "neutral" ? { ...blank(), tile: "neutral" } : blank();
    const fields = { key, job, start: plain(from), end: plain(work.edit), format: format.value, view: view?.value ?? "crop" };
    const watch = setInterval(async () => {
      const { share } = await work.keys.ask("progress", { key, job }).catch(() => ({}));
      if (share) tell(share);
    }, GLANCES);
    const answer = await work.keys.send("film", fields).finally(() => clearInterval(watch));
    const blob = await answer.blob();
    if (made) URL.revokeObjectURL(made.url);
    made = { blob, url: URL.createObjectURL(blob), name: fileName({ ...work.photo, suffix: format.value }) };
    film.innerHTML = blob.type.startsWith("video/")
      ? `<video src="${made.url}" autoplay loop muted playsinline controls aria-label="The change as a film"></video>`
      : `<img src="${made.url}" alt="The change as a film">`;
    keep.hidden = false;
  };
  part.querySelector(".make").addEventListener("click", async () => {
    refused.hidden = true;
    await busy(part.querySelector(".making"), "Drawing the frames…", make).catch((error) => {
      refused.hidden = false;
      refused.textContent = error.message;
    });
  });
  keep.addEventListener("click", () => save(made.blob, made.name));
}
