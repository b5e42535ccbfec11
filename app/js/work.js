// The visitor's work: the opened photo, an edit for each of its faces, and the steps of undo.
//
// Events:
//   opened    a photo was opened (detail: the photo, or null)
//   face      another face was chosen
//   changed   the edit changed, also while a slider moves
//   settled   the edit is final for now
//   words     a message for the visitor (detail: { words, kind })

import { Refused } from "./api.js";
import { Keys } from "./keys.js";
import { blank, hasStart, isStill, plain, same } from "./record.js";
import { Thumbnails } from "./thumbnails.js";

const LONGEST = 200; // undo steps
const RUN = 1000; // ms between key presses that belong to one step

export class Work extends EventTarget {
  constructor(root, setup) {
    super();
    Object.assign(this, { root, setup, kind: setup.kind, keys: new Keys(setup.kind) });
    this.photo = null; // { name, blob, url, size, faces, ... }, see opening.js
    this.at = 0; // which face
    this.clear();
    this.targets = new Map(); // e of seeds and donors, by face and start
    this.donors = []; // the visitor's own photos to take an expression from
    this.mode = ""; // of the panel
    this.thumbnails = new Thumbnails(this);
  }

  clear() {
    Object.assign(this, { past: [], future: [], before: null, tag: "", saved: "" });
  }

  on(name, heard) {
    for (const one of name.split(" ")) this.addEventListener(one, (event) => heard(event.detail));
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  tell(words, kind = "error") {
    this.emit("words", { words: [].concat(words).filter(Boolean), kind });
  }

  get face() {
    return this.photo?.faces[this.at];
  }

  get edit() {
    return this.face?.edit ?? blank();
  }

  // Whether any face of the photo is edited.
  get isEdited() {
    return Boolean(this.photo?.faces.some(({ edit }) => edit && !isStill(edit)));
  }

  // Runs a job. If the server refuses it, shows the message to the visitor.
  async attempt(job) {
    try {
      return await job();
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      if (!(error instanceof Refused)) throw error;
      if (error.status !== 0) this.tell(error.message); // the connection has a message of its own
      return undefined;
    }
  }

  // Opens a photo; `kept` has the steps from before a reload.
  open(photo, kept = null) {
    this.photo = photo;
    this.at = kept?.at ?? photo.first;
    this.clear();
    this.targets.clear();
    this.saved = this.state();
    if (kept) Object.assign(this, { past: kept.past, future: kept.future, saved: kept.saved });
    this.emit("opened", photo);
    this.emit("settled");
  }

  // Edits that were made and not saved yet.
  get unsaved() {
    return this.state() !== this.saved && Boolean(this.photo?.faces.some((face) => face.edit && !isStill(face.edit)));
  }

  state() {
    return JSON.stringify((this.photo?.faces ?? []).map((face) => (face.edit && !isStill(face.edit) ? plain(face.edit) : 0)));
  }

  markSaved() {
    this.saved = this.state();
  }

  // Changes the edit while a control moves.
  move(edit) {
    if (!this.face) return;
    this.before ??= this.snapshot();
    this.face.edit = edit;
    this.emit("changed");
  }

  // Ends a movement as one step. Steps with the same tag that follow each other quickly, such as key presses, are one.
  settle(tag = "") {
    if (!this.face) return;
    const now = performance.now();
    const run = tag && tag === this.tag && now - this.moved < RUN;
    if (this.before && !run && !same(this.before.edits[this.at] ?? blank(), this.edit)) this.remember(this.before);
    Object.assign(this, { before: null, tag, moved: now });
    this.emit("settled");
  }

  // Changes the edit at once, as one step.
  become(edit) {
    this.move(edit);
    this.settle();
  }

  reset() {
    this.become({ ...blank(), mode: this.edit.mode });
  }

  choose(index) {
    this.at = index;
    this.emit("face");
    this.emit("settled");
  }

  snapshot() {
    return { at: this.at, edits: this.photo.faces.map((face) => face.edit) };
  }

  remember(snapshot) {
    this.past.push(snapshot);
    this.past.splice(0, this.past.length - LONGEST);
    this.future = [];
  }

  undo() {
    this.step(this.past, this.future);
  }

  redo() {
    this.step(this.future, this.past);
  }

  step(from, to) {
    if (!from.length || !this.photo) return;
    to.push(this.snapshot());
    const { at, edits } = from.pop();
    const elsewhere = at !== this.at;
    this.photo.faces.forEach((face, i) => (face.edit = edits[i]));
    Object.assign(this, { at, before: null, tag: "" });
    if (elsewhere) this.emit("face");
    this.emit("changed");
    this.emit("settled");
  }

  // Resolves to the e at amount 1 that an edit starts from, if the server has to say it; null otherwise.
  async target(face, edit) {
    if (!hasStart(edit) || edit.tile !== null) return null;
    const start = plain({ ...blank(), seed: edit.seed, e: edit.e });
    const name = `${face.key} ${JSON.stringify(start)}`;
    if (!this.targets.has(name)) {
      this.targets.set(name, (await this.keys.ask("latents", { key: face.key, edits: [start] })).es[0]);
    }
    return this.targets.get(name);
  }
}
