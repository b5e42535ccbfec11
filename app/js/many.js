// Save as many photos: the edit that is shown now, on as many photos as the visitor likes, as a ZIP with a manifest.

import { Refused, forget, send } from "./api.js";
import { chooser, element, escaped, onFiles, save } from "./dom.js";
import { plain } from "./record.js";
import { safe } from "./saving_names.js";
import { fitting } from "./shrinking.js";
import { zip } from "./zip.js";

const SMALL = 168; // height of a result in the list, in pixels

export function addMany(work, place) {
  const part = element(`<div><p class="hint">The edit that you see, on as many photos as you like: the most prominent face of each.</p>
    <div class="bar choosing"><button type="button" class="button cancel" hidden>Cancel</button>
      <button type="button" class="button primary keep" hidden>Save all (ZIP)</button></div>
    <div class="progress" hidden role="status"><progress max="1" value="0" aria-label="Photos done"></progress>
      <output></output></div>
    <div class="pictures batch"></div></div>`);
  place.append(part);
  const [cancel, keep] = [part.querySelector(".cancel"), part.querySelector(".keep")];
  const [progress, pictures] = [part.querySelector(".progress"), part.querySelector(".batch")];
  let results = [];
  let running = null;

  const run = async (files) => {
    const edit = plain(work.edit);
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
        const result = await tried(work, file, results.length + 1, edit, signal);
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
  };
  const file = chooser("Choose photos", { multiple: true, name: "many" });
  onFiles(file, (files) => running || run(files));
  part.querySelector(".choosing").prepend(file);
  cancel.addEventListener("click", () => running?.abort());
  keep.addEventListener("click", async () => {
    const manifest = { note: work.setup.note, photos: results.map(({ entry }) => entry) };
    const told = new Blob([`${JSON.stringify(manifest, null, 2)}\n`], { type: "application/json" });
    save(await zip([...results.filter(({ blob }) => blob), { name: "manifest.json", blob: told }]), "edited.zip");
  });
}

// Opens one photo, edits it, and deletes it from the server. A photo that fails has an entry that says why.
async function tried(work, file, number, edit, signal) {
  let key = null;
  try {
    const { blob: fitted } = await fitting(file, work.setup.limits);
    const record = await (await send(work.kind, "open", fitted, signal)).json();
    key = record.key;
    if (!record.e) throw new Refused("no face was found", 422);
    const name = `${String(number).padStart(4, "0")}-${safe(file.name)}.${record.suffix}`;
    const entry = await work.keys.ask("entry", { key, edit, photo: file.name, file: name }, signal);
    const blob = await (await work.keys.send("save", { edits: [{ key, edit }] }, signal)).blob();
    return { name, entry, blob };
  } catch (error) {
    if (!(error instanceof Refused) && !signal.aborted) console.error(error);
    return { name: "", entry: { photo: file.name, ok: false, error: error.message } };
  } finally {
    if (key) forget(work.kind, key);
  }
}

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
