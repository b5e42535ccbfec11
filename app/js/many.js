// Applies one expression to many photos, with progress, cancel, and a ZIP that includes a manifest.

import { Refused, forget, send } from "./api.js";
import { chooser, element, escaped, save } from "./dom.js";
import { zip } from "./zip.js";

const SMALL = 168; // height of a result in the list, in pixels

export function addMany(bench, place) {
  const part = element(`<div><p class="hint">What you set up for this face, on as many photos as you like.</p>
    <div class="bar">
      <label class="inline"><input type="radio" name="like" value="change" checked> The same change of the sliders</label>
      <label class="inline"><input type="radio" name="like" value="same"> This very expression</label></div>
    <div class="bar choosing"><button type="button" class="button cancel" hidden>Cancel</button>
      <button type="button" class="button primary keep" hidden>Download all (ZIP)</button></div>
    <div class="progress" hidden role="status"><progress max="1" value="0" aria-label="Photos done"></progress>
      <output></output></div>
    <div class="pictures batch"></div></div>`);
  place.append(part);
  const [cancel, keep] = [part.querySelector(".cancel"), part.querySelector(".keep")];
  const [progress, pictures] = [part.querySelector(".progress"), part.querySelector(".batch")];
  let results = [];
  let running = null;

  // Opens one photo, edits it, downloads the result and deletes the photo from the server.
  const edited = async (file, name, like, signal) => {
    const ask = (action, fields) => send(bench.kind, action, fields, signal);
    const record = await (await ask("open", file)).json();
    const { key } = record;
    try {
      if (!record.original) throw new Refused("no face was found", 422);
      const copied = { key, donor: like.key, change: like.change };
      const change = like.same ? (await (await ask("transfer", copied)).json()).change : like.change;
      const [entry, blob] = await Promise.all([
        ask("entry", { key, change, photo: file.name, file: name }).then((answer) => answer.json()),
        ask("download", { key, change, keep: like.keep }).then((answer) => answer.blob()),
      ]);
      return { entry, blob };
    } finally {
      forget(bench.kind, key);
    }
  };
  // The same, but returns a failed entry instead of throwing.
  const tried = async (file, number, like, signal) => {
    const name = `${String(number).padStart(4, "0")}-${plain(file.name)}.jpg`;
    try {
      return { name, ...(await edited(file, name, like, signal)) };
    } catch (error) {
      if (!(error instanceof Refused) && !signal.aborted) console.error(error);
      return { name, entry: { photo: file.name, ok: false, error: error.message } };
    }
  };
  const run = async (files) => {
    if (!bench.record?.original) return bench.tell("Choose a photo of your own first");
    const like = {
      same: part.querySelector("[value=same]").checked,
      keep: !bench.root.querySelector("input[value=replace]").checked,
      key: bench.record.key,
      change: bench.change,
    };
    running = new AbortController();
    const { signal } = running;
    results = [];
    pictures.replaceChildren();
    [cancel.hidden, keep.hidden, progress.hidden] = [false, true, false];
    const tell = (more = "") => {
      const failed = results.filter(({ entry }) => !entry.ok).length;
      progress.querySelector("progress").value = results.length / files.length;
      progress.querySelector("output").textContent =
        `${results.length} of ${files.length}${more}${failed ? `, ${failed} without a result` : ""}`;
    };
    tell();
    try {
      for (const file of files) {
        const result = await tried(file, results.length + 1, like, signal);
        if (signal.aborted) break;
        results.push(result);
        pictures.append(await shown(result));
        tell();
      }
      if (signal.aborted) tell(", then cancelled");
    } finally {
      [cancel.hidden, keep.hidden] = [true, !results.some(({ blob }) => blob)];
      running = null;
    }
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
  keep.addEventListener("click", async () => {
    const manifest = { note: bench.setup.note, photos: results.map(({ entry }) => entry) };
    const told = new Blob([`${JSON.stringify(manifest, null, 2)}\n`], { type: "application/json" });
    const written = results.filter(({ blob }) => blob);
    save(await zip([...written, { name: "manifest.json", blob: told }]), "edited.zip");
  });
}

// Returns a file name, without its extension, that is valid on every system.
const plain = (name) =>
  name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 60) || "photo";

// Returns an element with a thumbnail of the result or the error.
async function shown({ name, entry, blob }) {
  if (!blob) return element(`<p class="notice">${escaped(`${entry.photo}: ${entry.error}`)}</p>`);
  const bitmap = await createImageBitmap(blob, { resizeHeight: SMALL, resizeQuality: "medium" });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return element(`<img src="${canvas.toDataURL("image/jpeg", 0.85)}" alt="${escaped(name)}">`);
}
