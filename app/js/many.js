// One expression on many photos: progress, cancel, a ZIP.

import { Refused, forget, send } from "./api.js";
import { chooser, element, escaped, save } from "./dom.js";
import { zip } from "./zip.js";

export function addMany(bench, place) {
  const part = element(`<div><p class="hint">What you set up for this face, on as many photos as you like.</p>
    <div class="bar">
      <label class="inline"><input type="radio" name="like" value="change" checked> The same change of the sliders</label>
      <label class="inline"><input type="radio" name="like" value="same"> This very expression</label></div>
    <div class="bar choosing"><button type="button" class="button cancel" hidden>Cancel</button>
      <button type="button" class="button primary keep" hidden>Download all (ZIP)</button></div>
    <div class="progress" hidden><progress max="1" value="0"></progress> <output></output></div>
    <div class="pictures batch"></div></div>`);
  place.append(part);
  const [cancel, keep] = [part.querySelector(".cancel"), part.querySelector(".keep")];
  const [progress, pictures] = [part.querySelector(".progress"), part.querySelector(".batch")];
  let results = [];
  let running = null;

  // One photo: opened, changed, written, put away again.
  const edited = async (file, like, signal) => {
    const record = await (await send(bench.kind, "open", file, signal)).json();
    if (!record.original) throw new Refused("no face was found", 422);
    const { key } = record;
    const change = like.same
      ? (await (await send(bench.kind, "transfer", { key, donor: like.key, change: like.change }, signal)).json()).change
      : like.change;
    const blob = await (await send(bench.kind, "download", { key, change, keep: true }, signal)).blob();
    forget(bench.kind, key);
    return blob;
  };
  const run = async (files) => {
    if (!bench.record?.original) return bench.tell("Choose a photo of your own first");
    const like = {
      same: part.querySelector("[value=same]").checked,
      key: bench.record.key,
      change: bench.change,
    };
    running = new AbortController();
    results = [];
    pictures.replaceChildren();
    [cancel.hidden, keep.hidden, progress.hidden] = [false, true, false];
    let done = 0;
    const tell = () => {
      progress.querySelector("progress").value = done / files.length;
      progress.querySelector("output").textContent = `${done} of ${files.length}`;
    };
    tell();
    for (const file of files) {
      try {
        const blob = await edited(file, like, running.signal);
        const name = `${String(done + 1).padStart(3, "0")}-${file.name.replace(/\.[^.]*$/, "")}.jpg`;
        results.push({ name, blob });
        pictures.append(element(`<img src="${URL.createObjectURL(blob)}" alt="${escaped(name)}" loading="lazy">`));
      } catch (error) {
        if (running.signal.aborted) break;
        if (!(error instanceof Refused)) throw error;
        pictures.append(element(`<p class="notice">${escaped(`${file.name}: ${error.message}`)}</p>`));
      }
      done += 1;
      tell();
    }
    if (running.signal.aborted) progress.querySelector("output").textContent += ", then cancelled";
    [cancel.hidden, keep.hidden] = [true, results.length === 0];
    running = null;
    return undefined;
  };
  const file = chooser("Choose photos", { multiple: true, name: "many" });
  file.querySelector("input").addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    if (files.length && !running) bench.attempt(() => run(files));
  });
  part.querySelector(".choosing").prepend(file);
  cancel.addEventListener("click", () => running?.abort());
  keep.addEventListener("click", async () => save(await zip(results), "edited.zip"));
}
