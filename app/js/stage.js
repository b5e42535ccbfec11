// The photo as the stage: zoomed to the face or whole, with the edits of its faces on top, before and after.

import { element, escaped, show } from "./dom.js";
import { CROP } from "./live/crop.js";
import { around, clamped, placed, unplaced, whole } from "./view.js";

const TAG_GAP = 10; // pixels between a tag and the line between before and after

export class Stage extends EventTarget {
  constructor(place) {
    super();
    this.root = element(`<div class="stage" role="group" aria-label="Your photo">
      <div class="plane" hidden><img class="before" alt="Your photo, as it was" draggable="false">
        <div class="after"></div></div>
      <div class="live"></div>
      <div class="marks"></div>
      <div class="tags" aria-hidden="true" hidden><span>Before</span><span>After</span></div>
      <div class="working" role="status" hidden></div>
    </div>`);
    place.append(this.root);
    const part = (name) => this.root.querySelector(`.${name}`);
    [this.plane, this.photo, this.after] = [part("plane"), part("before"), part("after")];
    [this.live, this.marks, this.tags, this.working] = [part("live"), part("marks"), part("tags"), part("working")];
    this.size = null;
    this.box = null;
    this.split = 0; // the share of the photo in sight that is shown as before
    this.holding = false;
    this.patches = new Map();
    new ResizeObserver(() => this.fit()).observe(this.root);
  }

  get frame() {
    return { width: this.root.clientWidth || 1, height: this.root.clientHeight || 1 };
  }

  // Shows a photo, which starts at After, zoomed to a face.
  async open(url, size, box) {
    await show(this.photo, url);
    this.size = size;
    this.patches.forEach((image) => image.remove());
    this.patches.clear();
    this.plane.hidden = false;
    this.box = box;
    this.near = Boolean(box);
    this.compare(0);
    this.fit();
  }

  // Shows the view of the chosen face, or the whole photo; after a change of the frame, the last of the two again.
  fit() {
    if (!this.size) return;
    this.fitted = this.near ? "face" : "whole";
    this.look(this.near && this.box ? around(this.box, this.size, this.frame) : whole(this.size, this.frame), this.fitted);
  }

  toFace(box = this.box) {
    Object.assign(this, { box, near: true });
    this.fit();
  }

  toWhole() {
    this.near = false;
    this.fit();
  }

  look(view, fitted = "") {
    this.view = clamped(view, this.size, this.frame);
    this.fitted = fitted; // "face" or "whole" if that is the view
    const { zoom } = this.view;
    const [left, top] = placed(this.view, [0, 0], this.frame);
    Object.assign(this.plane.style, {
      width: `${this.size[0] * zoom}px`,
      height: `${this.size[1] * zoom}px`,
      transform: `translate(${left}px, ${top}px)`,
    });
    this.divide();
    this.dispatchEvent(new Event("view"));
  }

  // The edges of the photo in sight, left and right, in pixels of the frame; top and bottom.
  get sides() {
    const [left] = placed(this.view, [0, 0], this.frame);
    const [right] = placed(this.view, this.size, this.frame);
    return [Math.max(0, left), Math.min(this.frame.width, right)];
  }

  get ends() {
    const [, top] = placed(this.view, [0, 0], this.frame);
    const [, bottom] = placed(this.view, this.size, this.frame);
    return [Math.max(0, top), Math.min(this.frame.height, bottom)];
  }

  compare(split) {
    this.split = Math.min(1, Math.max(0, split));
    if (this.size) this.divide();
  }

  hold(holding) {
    this.holding = holding;
    this.root.classList.toggle("holding", holding);
    if (this.size) this.divide();
  }

  divide() {
    if (!this.view) return;
    const [low, high] = this.sides;
    const at = this.holding ? high : low + this.split * (high - low);
    const [left] = placed(this.view, [0, 0], this.frame);
    const hidden = this.holding || this.split > 0;
    this.after.style.clipPath = hidden ? `inset(0 0 0 ${at - left}px)` : "";
    const [{ width, height }, [top, bottom]] = [this.frame, this.ends]; // live drawing is black around the photo
    this.live.style.clipPath = `inset(${top}px ${width - high}px ${height - bottom}px ${hidden ? at : low}px)`;
    this.tags.hidden = !hidden;
    this.tags.style.setProperty("--at", `${at}px`);
    const [before, after] = this.tags.children; // a tag that would be cut off is not shown
    before.style.visibility = before.offsetWidth + TAG_GAP > at ? "hidden" : "";
    after.style.visibility = after.offsetWidth + TAG_GAP > width - at ? "hidden" : "";
    this.dispatchEvent(new Event("divided"));
  }

  // Puts an edited part of the photo on the stage, for one face; null takes it away.
  async patch(name, drawn) {
    let image = this.patches.get(name);
    if (!drawn || drawn.box[2] - drawn.box[0] <= 1) {
      image?.remove();
      this.patches.delete(name);
      return;
    }
    const size = this.size;
    const next = new Image();
    next.src = drawn.picture;
    await next.decode();
    if (this.size !== size) return;
    if (!image) {
      image = element(`<img class="patch" alt="${escaped("The edit")}" draggable="false">`);
      this.after.append(image);
      this.patches.set(name, image);
    }
    const [left, top, right, bottom] = drawn.box;
    image.src = drawn.picture;
    Object.assign(image.style, {
      left: `${(100 * left) / size[0]}%`,
      top: `${(100 * top) / size[1]}%`,
      width: `${(100 * (right - left)) / size[0]}%`,
      height: `${(100 * (bottom - top)) / size[1]}%`,
    });
    image.dataset.draws = Number(image.dataset.draws ?? 0) + 1;
  }

  // The number of pixels of the screen across the surroundings of a box, which is what an edit is drawn at.
  side([left, top, right, bottom]) {
    return Math.ceil(CROP * Math.max(right - left, bottom - top) * this.view.zoom * (window.devicePixelRatio || 1));
  }

  // The photo point under a pointer.
  point(event) {
    const frame = this.root.getBoundingClientRect();
    return unplaced(this.view, [event.clientX - frame.left, event.clientY - frame.top], this.frame);
  }

  say(words) {
    this.working.hidden = !words;
    this.working.textContent = words ?? "";
    this.root.classList.toggle("waiting", Boolean(words));
  }
}
