// The state of a tab: the opened image, the current change, and the undo history. The server stores only the image.
//
// A change is { values: sigmas along each direction, rest: the remainder that the directions cannot express }.
//
// Events:
//   opened    an image was opened
//   changed   the change was modified, also while a slider moves
//   settled   the change is final for now
//   sketched  the browser drew the edit while a slider moved
//   drawn     the server drew the edit
//   ready     the browser can draw
//   words     a message for the visitor

import { Refused, newest, send } from "./api.js";
import { Drawing } from "./drawing.js";

const LONGEST = 100; // undo steps
export const LATER = 40; // ms until the detected face is on the screen; less urgent requests wait for it
const SOON = 1000; // ms until those requests are done

export class Bench extends EventTarget {
  constructor(root, setup) {
    super();
    Object.assign(this, { root, setup, kind: setup.kind, directions: setup.directions });
    this.record = null;
    this.wanted = null; // a preset from a link, applied to opened images until the visitor edits
    this.past = [];
    this.future = [];
    this.change = this.still();
    this.drawn = null; // the change that the server last drew
    this.drawing = new Drawing();
    this.inPhoto = setup.observes === "code"; // edits warp the photo itself instead of a generated crop
    this._draw = newest(() => this._drawNow());
    this._sketch = newest(() => this._sketchNow());
  }

  still() {
    return { values: this.directions.map(() => 0), rest: [] };
  }

  on(name, heard) {
    this.addEventListener(name, (event) => heard(event.detail));
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  tell(words, kind = "error") {
    this.emit("words", { words: [].concat(words), kind });
  }

  // Requests an action on the opened image; resolves to JSON. Reopens the image first if it has expired.
  async ask(action, fields = {}, signal) {
    return (await this.answer(action, fields, signal)).json();
  }

  // Requests an action that needs no opened image.
  async asked(action, fields) {
    return (await send(this.kind, action, fields)).json();
  }

  async answer(action, fields = {}, signal) {
    try {
      return await send(this.kind, action, { key: this.record.key, ...fields }, signal);
    } catch (error) {
      const lost = error instanceof Refused && error.status === 410;
      if (!lost || !this.source) throw error;
      let { key } = await (await send(this.kind, "open", this.source)).json();
      if (this.pointed) key = (await (await send(this.kind, "face", { key, ...this.pointed })).json()).key;
      this.record.key = key;
      return send(this.kind, action, { ...fields, key }, signal);
    }
  }

  // Runs a job. If the server refuses it, shows the message to the visitor.
  async attempt(job) {
    try {
      return await job();
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      if (!(error instanceof Refused)) throw error;
      this.tell(error.message);
      return undefined;
    }
  }

  async openFile(blob) {
    return this.attempt(async () => {
      const record = await (await send(this.kind, "open", blob)).json();
      this.source = blob;
      this.pointed = null; // the selected face, unless it is the first
      this.open(record);
      return record;
    });
  }

  // Opens an example image, optionally with a preset, so that the first view shows an edit.
  async pick({ key }, preset) {
    const record = await this.asked("pick", { key });
    this.source = this.pointed = null;
    this.open(record, preset);
  }

  open(record, preset) {
    this.record = record;
    this.past = [];
    this.future = [];
    this.change = this.still();
    this.emit("opened", record);
    this.tell(record.advice ?? record.warnings, "warning");
    if (record.original) setTimeout(() => this._prepare(record), SOON);
    const start = this.wanted ?? preset;
    if (start && record.original) this.take(start, false);
    else setTimeout(() => this.record === record && this.emit("settled"), LATER);
  }

  async _prepare(record) {
    await this.drawing.prepare(this.setup.generator, record);
    this.root.dataset.drawn = this.drawing.ready ? "here" : "by the server";
    if (this.drawing.ready) this.emit("ready");
  }

  get edited() {
    return this.change.values.some((v) => v !== 0) || this.change.rest.length > 0;
  }

  // Updates the change while a slider moves. The browser draws it if it is fast enough; otherwise the server does.
  move(change) {
    if (!this._before) this._before = this.change;
    this.change = change;
    this.emit("changed");
    if (this.drawing.ready) this._sketch();
    else this._draw();
  }

  // Ends a movement and records it as one undo step.
  settle() {
    if (this._before) this._remember(this._before);
    this._before = null;
    if (this.drawing.ready) this._draw();
    this.emit("settled");
  }

  become(change, chosen = true) {
    this._before = null;
    if (chosen) this._remember(this.change);
    this.change = change;
    this.emit("changed");
    this._draw();
    this.emit("settled");
  }

  undo() {
    this._step(this.past, this.future);
  }

  redo() {
    this._step(this.future, this.past);
  }

  _step(from, to) {
    if (!from.length) return;
    to.push(this.change);
    this.change = from.pop();
    this.emit("changed");
    this._draw();
    this.emit("settled");
  }

  _remember(change) {
    this.wanted = null;
    this.past.push(change);
    this.past.splice(0, this.past.length - LONGEST);
    this.future = [];
  }

  async _drawNow() {
    const { record, change } = this;
    if (!record?.original) return;
    const { picture } = await this.ask("draw", { change });
    if (this.drawing.ready && this.change !== change) return; // it moved again, so the browser draws it
    this.drawn = change;
    this.emit("drawn", picture);
    await new Promise(requestAnimationFrame);
  }

  async _sketchNow() {
    const { record, change } = this;
    if (!record?.original) return;
    if (change !== this.drawn) this.emit("sketched", this.drawing.draw(record.z, this._e(record, change)));
    await new Promise(requestAnimationFrame);
  }

  // Returns the e of an image after a change.
  _e(record, { values, rest }) {
    return record.e.map((own, i) =>
      values.reduce((sum, value, k) => sum + value * this.directions[k].step[i], own + (rest[i] ?? 0)),
    );
  }

  // The current change as a preset: named sigmas, in the format of the /edit endpoint.
  get preset() {
    const named = {};
    this.directions.forEach(({ name }, i) => {
      if (this.change.values[i]) named[name] = Math.round(this.change.values[i] * 1000) / 1000;
    });
    return named;
  }

  // Converts a preset to slider values. Throws Refused if a name or a number is invalid.
  fromPreset(named) {
    const { values } = this.still();
    for (const [name, value] of Object.entries(named)) {
      const i = this.directions.findIndex((direction) => direction.name === name);
      if (i < 0) throw new Refused(`there is no slider "${name}" here`, 422);
      if (!Number.isFinite(value)) throw new Refused(`"${name}" needs a number`, 422);
      values[i] = value;
    }
    return values;
  }

  // Applies a preset, limited to the range of the training data. Shows a warning if it was limited.
  take(named, chosen = true) {
    const cut = [];
    const values = this.fromPreset(named).map((value, i) => {
      const { name, low, high } = this.directions[i];
      const [least, most] = this.record?.reach?.[i] ?? [low, high];
      const kept = Math.min(most, Math.max(least, value));
      if (kept !== value) cut.push(`${name} ${value} became ${kept}`);
      return kept;
    });
    const told = cut.length ? [`limited to what the model has seen: ${cut.join(", ")}`] : [];
    this.tell([...(this.record?.warnings ?? []), ...told], "warning");
    this.become({ values, rest: [] }, chosen);
  }
}
