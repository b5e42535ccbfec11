// Opens photos: chosen, dropped, pasted, taken, or an example; and chooses among their faces.

import { Refused, forget, pause, send } from "./api.js";
import { isPicture } from "./dom.js";
import { ask } from "./dialog.js";
import { blank } from "./record.js";
import { fitting } from "./shrinking.js";

const TILES = 1500; // ms to wait for the tiles of a new photo

export class Opening {
  constructor(work, stage, drawing) {
    Object.assign(this, { work, stage, drawing, newest: 0, preset: null });
    this.save = null; // saves the current work, see saving.js
    work.on("face", () => this.work.face?.box && this.stage.toFace(this.work.face.box));
  }

  // Asks what to do with work that is not saved. Resolves to false if the visitor wants to stay.
  async mayLeave() {
    const { work } = this;
    if (!work.unsaved) return true;
    const answer = await ask({
      title: "Open another photo?",
      text: `Your edit of ${work.photo.name} isn't saved yet.`,
      choices: [["save", "Save it first", "primary"], ["leave", "Open without saving"], ["stay", "Cancel"]],
    });
    if (answer === "save") return this.save();
    return answer === "leave";
  }

  async openFiles(files) {
    const file = files.find(isPicture);
    if (!file) return this.work.tell("This is no picture. Choose a JPEG, PNG, WebP or HEIC photo.");
    return (await this.mayLeave()) ? this.openFile(file) : undefined;
  }

  // Opens a file; `kept` is what was done with it before a reload, see keeping.js.
  async openFile(file, kept = null) {
    const ticket = ++this.newest;
    const { work, stage } = this;
    stage.say("Finding the face…");
    const done = await work.attempt(async () => {
      const { blob, note } = await fitting(file, work.setup.limits);
      const decoding = decoded(blob); // while the server looks for faces
      const record = await (await send(work.kind, "open", blob)).json();
      if (ticket !== this.newest) return void forget(work.kind, record.key); // another photo was chosen meanwhile
      const reopen = async () => (await send(work.kind, "open", blob)).json();
      const name = file.name || "photo.jpg";
      await this.show(record, { name, file, blob, reopen, notes: [note, ...(record.notes ?? [])] }, ticket, { decoding, kept });
      return true;
    });
    if (ticket === this.newest) stage.say("");
    return done;
  }

  async openExample(example, edit = null, kept = null) {
    const ticket = ++this.newest;
    return this.work.attempt(async () => {
      const record = await (await send(this.work.kind, "pick", { key: example.key })).json();
      if (ticket !== this.newest) return false;
      const { label } = example;
      await this.show(record, { name: `${label}.jpg`, label, example: true, notes: [] }, ticket, { edit, kept });
      return true;
    });
  }

  async show(record, about, ticket, { decoding = null, edit = null, kept = null } = {}) {
    const { work, stage, drawing } = this;
    const key = work.keys.add(record.key, about.reopen);
    const image = (await decoding) ?? (await this.sent(key));
    if (ticket !== this.newest) return URL.revokeObjectURL(image.src);
    const url = image.src;
    if (work.photo?.url) URL.revokeObjectURL(work.photo.url);
    const faces = record.boxes.map((box, index) => ({ index, box, edit: null }));
    let chosen = faces[record.face];
    if (!chosen && record.e) faces.push((chosen = { index: record.face, edit: null }));
    if (chosen && record.e) Object.assign(chosen, known(record, key));
    faces.sort((a, b) => a.box[0] + a.box[2] - b.box[0] - b.box[2]);
    const first = Math.max(0, faces.indexOf(chosen));
    const photo = { ...about, key, url, size: record.size, suffix: record.suffix, format: record.format, faces, first };
    if (kept) await this.recall(photo, kept);
    else if (chosen?.e) chosen.edit = this.preset ?? edit ?? chosen.edit;
    const words = [record.advice, ...about.notes].filter(Boolean);
    if (this.preset && chosen?.e && !kept && !about.example) { // a link is for one's own photo, and for one
      this.preset = null;
      words.push("The expression of the link is on your photo; Reset takes it off");
    }
    if (ticket !== this.newest) return;
    await stage.open(url, record.size, faces[kept?.at ?? first]?.box ?? null);
    const link = kept && kept.hash !== location.hash ? this.preset : null; // another one than before the reload
    work.open(photo, kept);
    if (link) work.become(link);
    if (words.length || !about.example) work.tell(words, "note");
    await shown(); // a bitmap of many megapixels takes the browser a third of a second, in which it shows nothing new,
    await Promise.race([work.thumbnails.idle, pause(TILES)]); // so the tiles come first
    if (ticket !== this.newest) return;
    const bitmap = await createImageBitmap(image).catch(() => null);
    if (bitmap && ticket === this.newest) drawing.prepare(bitmap);
  }

  // Gives the faces of a photo the edits that they had before a reload.
  async recall(photo, kept) {
    for (const { index, eyes, edit, versions } of kept.faces) {
      let face = photo.faces.find((one) => !eyes && one.index === index);
      if (eyes) photo.faces.push((face = { index }));
      if (!face || !versions) continue; // nobody looked at it
      if (!face.e) Object.assign(face, await this.infer(photo, eyes ? { eyes } : { face: index }));
      Object.assign(face, { eyes, edit, versions });
    }
  }

  // The photo as the server decodes it.
  async sent(key) {
    const image = await decoded(await (await this.work.keys.send("source", { key })).blob());
    if (!image) throw new Refused("This photo can't be shown here. Save it as a JPEG first.", 422);
    return image;
  }

  // Chooses a face by its place from left to right, and looks at it if it is new.
  async choose(at) {
    const { work } = this;
    const { photo } = work;
    const face = photo.faces[at];
    if (!face || at === work.at) return;
    if (!face.e) {
      this.stage.say("Looking at this face…");
      const found = await work.attempt(() => this.infer(photo, { face: face.index }));
      this.stage.say("");
      if (!found || work.photo !== photo) return;
      Object.assign(face, found);
    }
    work.choose(at);
  }

  // Looks for a face around two eyes that the visitor clicked.
  async point(eyes) {
    const { work } = this;
    const { photo } = work;
    const found = await work.attempt(() => this.infer(photo, { eyes }));
    if (!found || work.photo !== photo) return;
    work.tell([]);
    photo.faces.push({ index: -1, eyes, edit: null, ...found });
    work.choose(photo.faces.length - 1);
  }

  async infer(photo, which) {
    const record = await this.work.keys.ask("face", { key: photo.key, ...which });
    if (!record.e) throw new Refused("No face was found there. Click the centres of both eyes.", 422);
    const reopen = photo.reopen && (async () => {
      const { key } = await photo.reopen();
      return (await send(this.work.kind, "face", { key, ...which })).json();
    });
    return known(record, this.work.keys.add(record.key, reopen ?? (() => send(this.work.kind, "face", { key: photo.key, ...which }).then((r) => r.json()))));
  }
}

// Resolves when the page has been drawn as it is now, or soon if it is hidden.
const shown = () => Promise.race([pause(500), new Promise((done) => requestAnimationFrame(() => setTimeout(done)))]);

// Resolves to a photo as an image whose pixels are ready, or to null if this browser cannot decode it.
async function decoded(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
    return image;
  } catch {
    URL.revokeObjectURL(image.src);
    return null;
  }
}

const known = ({ e, neutral, reach, box }, key) => ({ key, e, neutral, reach, box, edit: blank(), versions: [] });

// Takes photos that are dropped anywhere on the page, or pasted.
export function addDropping(work, take) {
  const { root } = work;
  const here = () => root.offsetParent !== null && !document.querySelector("dialog[open]");
  let depth = 0;
  const light = (on) => root.classList.toggle("dropping", on);
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!here() || !files(event)) return;
    depth += 1;
    light(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!files(event)) return;
    depth = Math.max(0, depth - 1);
    if (!depth) light(false);
  });
  document.addEventListener("drop", () => (depth = 0), true); // also of those that go elsewhere
  document.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    light(false);
    if (!here() || !event.dataTransfer?.files.length) return;
    event.preventDefault();
    take([...event.dataTransfer.files], event);
  });
  document.addEventListener("paste", (event) => {
    const given = [...(event.clipboardData?.files ?? [])];
    if (given.length && here()) take(given, event);
  });
}
