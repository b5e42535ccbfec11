// The visitor's work on digits: the digit with its strokes, and its style, which outlives the digit. Both are undone.

import { blank, plain, same } from "./record.js";
import { Work } from "./work.js";

const KEPT = "rbvae-digit"; // in the storage of this tab, so that a reload keeps the digit
const RUN = 1000; // ms between key presses that belong to one step

export class DigitWork extends Work {
  constructor(root, setup) {
    super(root, setup);
    this.style = blank();
  }

  get edit() {
    return this.style;
  }

  // Shows another digit, or null for an empty pad, in the same style.
  put(photo, step = true) {
    if (photo === this.photo) return;
    if (step) this.remember(this.snapshot());
    this.show({ photo, style: this.style });
  }

  show({ photo, style }) {
    const other = photo !== this.photo;
    Object.assign(this, { photo, before: null, tag: "" });
    this.restyle(style);
    if (other) this.emit("opened", photo);
    this.emit("changed");
    this.emit("settled");
  }

  // The digit was read by the server, or refused.
  arrived(photo) {
    if (this.photo !== photo) return;
    this.restyle(this.style);
    this.emit("face");
    this.emit("settled");
  }

  restyle(style) {
    this.style = style;
    if (this.face) this.face.edit = style;
  }

  move(style) {
    this.before ??= this.snapshot();
    this.restyle(style);
    this.emit("changed");
  }

  settle(tag = "") {
    const now = performance.now();
    const run = tag && tag === this.tag && now - this.moved < RUN;
    if (this.before && !run && !same(this.before.style, this.style)) this.remember(this.before);
    Object.assign(this, { before: null, tag, moved: now });
    this.emit("settled");
  }

  snapshot() {
    return { photo: this.photo, style: this.style };
  }

  step(from, to) {
    if (!from.length) return;
    to.push(this.snapshot());
    this.show(from.pop());
  }

  keep() {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ name: this.photo?.name, picture: this.photo?.picture ?? null, style: plain(this.style) }));
    } catch {
      // this browser keeps nothing here: a reload starts anew
    }
  }
}

// The digit and the style of this tab before a reload; null without any.
export function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT));
    return found && { ...found, style: { ...blank(), ...found.style } };
  } catch {
    return null;
  }
}
