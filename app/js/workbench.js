// What is on the bench: the opened picture, how it is changed, and the way back. The server only holds the picture.
//
// A change is { values: sigmas along each direction, rest: what the directions cannot express }.
// Events: opened, changed (while it moves), settled (it stays for a while), sketched and drawn (the picture while it
// moves, and once it stays), ready (to draw here), words (something to tell the visitor).

import { Refused, newest, send } from "./api.js";
import { Drawing } from "./drawing.js";

const LONGEST = 100; // steps back
export const LATER = 40; // ms after which the found face is on the screen and the rest may follow
const SOON = 1000; // ms after which that rest is there, too

export class Bench extends EventTarget {
  constructor(root, setup) {
    super();
    Object.assign(this, { root, setup, kind: setup.kind, directions: setup.directions });
    this.record = null;
    this.wanted = null; // a preset from a link, for whatever is opened until the visitor changes something
    this.past = [];
    this.future = [];
    this.change = this.still();
    this.drawn = null; // the change that the server last drew
    this.drawing = new Drawing();
    this.inPhoto = setup.observes === "code"; // edits are drawn in the photo's own pixels, not as an image beside it
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

  // JSON in, JSON out; a picture that was put away meanwhile is opened again first.
  async ask(action, fields = {}, signal) {
    return (await this.answer(action, fields, signal)).json();
  }

  // About no picture yet.
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

  // Does a job and tells the visitor why it failed, if it did.
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
      this.pointed = null; // which face, when not the first
      this.open(record);
      return record;
    });
  }

  // A picture on offer; at first sight with a preset, so that there is an edit to be seen.
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

  // While it moves: drawn here if that is fast, or else as fast as the server answers.
  move(change) {
    if (!this._before) this._before = this.change;
    this.change = change;
    this.emit("changed");
    if (this.drawing.ready) this._sketch();
    else this._draw();
  }

  // It stays: one step to undo.
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
    if (this.drawing.ready && this.change !== change) return; // it moves again, and is drawn here
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

  // The e of a picture after a change.
  _e(record, { values, rest }) {
    return record.e.map((own, i) =>
      values.reduce((sum, value, k) => sum + value * this.directions[k].step[i], own + (rest[i] ?? 0)),
    );
  }

  // Presets: named sigmas, the same as the /edit endpoint takes.
  get preset() {
    const named = {};
    this.directions.forEach(({ name }, i) => {
      if (this.change.values[i]) named[name] = Math.round(this.change.values[i] * 1000) / 1000;
    });
    return named;
  }

  // The same as numbers by slider; refused where a name or a number is none.
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

  // A preset onto the sliders, none further than what the model has seen; a visitor who asked for more is told.
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
