// Which triangles of a frame need to be drawn, and how: most of a face does not change in most edits.

import { POINTS } from "./model.js";
import { NONE } from "./shading.js";

const STILL = 1 / 64; // pixels of the surface: OpenCV samples at steps of 1/32

// What a triangle needs besides the photo's moved pixels; these add up.
export const ADDS = 1; // the change of texture
export const LIFTS = [2, 4]; // the skin of the lid of the left and the right eye
export const OVERLAPS = 8; // it may lie behind others, so that the nearest must be found
const KINDS = 16;

export class Parts {
  constructor(model) {
    this.triangles = Uint16Array.from([...around(model.lines.oval), ...model.triangles]);
    const ring = this.triangles.length - model.triangles.length;
    this.list = new Uint16Array(this.triangles.length);
    this.kinds = new Int8Array(this.triangles.length / 3);
    const lips = new Set([model.lines.innerLips, model.lines.outerLips].flat(2));
    this.lips = this.kinds.map((_, t) => [0, 1, 2].some((k) => lips.has(this.triangles[3 * t + k])));
    const isKnown = new Uint8Array(model.side ** 2);
    for (const texel of model.texels) isKnown[texel] = 1;
    this.texels = Array.from(this.kinds, (_, t) => {
      return 3 * t < ring ? new Uint16Array(0) : texelsOf(model, isKnown, this.triangles.subarray(3 * t, 3 * t + 3));
    });
  }

  // Sorts the triangles of a frame that need to be drawn by kind, for `zoom` pixels of the surface per pixel of the file:
  // fills `list` and returns where in it each kind is, as [{ kind, start, count }].
  split(portrait, frame, zoom) {
    const { triangles, kinds, list } = this;
    const counts = new Array(KINDS).fill(0);
    const boxes = [...lids(portrait, frame), ...cheeks(portrait, frame)];
    for (let t = 0; t < kinds.length; t++) {
      kinds[t] = this._kind(t, portrait, frame, boxes, zoom);
      if (kinds[t] >= 0) counts[kinds[t]] += 3;
    }
    const groups = [];
    let start = 0;
    counts.forEach((count, kind) => {
      if (count) groups.push({ kind, start, count });
      counts[kind] = start;
      start += count;
    });
    for (let t = 0; t < kinds.length; t++) {
      if (kinds[t] < 0) continue;
      for (let k = 0; k < 3; k++) list[counts[kinds[t]]++] = triangles[3 * t + k];
    }
    return groups;
  }

  // The kind of a triangle, -1 if it stays as it is.
  _kind(t, portrait, { vertices, added }, boxes, zoom) {
    const a = 5 * this.triangles[3 * t];
    const b = 5 * this.triangles[3 * t + 1];
    const c = 5 * this.triangles[3 * t + 2];
    let kind = added && shows(this.texels[t], added.words) ? ADDS : 0;
    for (let i = 0; i < boxes.length; i++) if (meets(vertices, a, b, c, boxes[i])) kind |= boxes[i].kind;
    if (!portrait.isFlat) return kind + OVERLAPS;
    if (!kind && !moves(vertices, a, zoom) && !moves(vertices, b, zoom) && !moves(vertices, c, zoom)) return -1;
    return this.lips[t] ? kind + OVERLAPS : kind; // lips that close
  }
}

// Returns the texels that the samples of a triangle may touch.
function texelsOf({ canonical, side }, isKnown, corners) {
  const range = (d) => {
    const cells = Array.from(corners, (point) => canonical[3 * point + d] * side);
    return [Math.max(0, Math.floor(Math.min(...cells) - 0.5)), Math.min(side - 1, Math.floor(Math.max(...cells) + 0.5))];
  };
  const [[left, right], [top, bottom]] = [range(0), range(1)];
  const found = [];
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) if (isKnown[y * side + x]) found.push(y * side + x);
  }
  return Uint16Array.from(found);
}

function shows(texels, words) {
  for (let i = 0; i < texels.length; i++) if (words[texels[i]] !== NONE) return true;
  return false;
}

// Returns the triangles between an oval and the ring around it.
function around(oval) {
  return oval.flatMap((a, k) => {
    const next = (k + 1) % oval.length;
    return [a, oval[next], POINTS + k, oval[next], POINTS + next, POINTS + k];
  });
}

// The boxes of the photo, in pixels of the file, in which lids are lifted.
function lids(portrait, { lifts }) {
  const boxes = [];
  lifts.forEach((lift, eye) => {
    if (!lift) return;
    const { lidCorner: [left, top], skin } = portrait.eyes[eye];
    const [height, width] = portrait.arrays[skin].shape;
    boxes.push({ kind: LIFTS[eye], left, top, right: left + width, bottom: top + height });
  });
  return boxes;
}

// The box of the photo in which creases of a smile disappear.
function cheeks(portrait, { added }) {
  const [left, top, right, bottom] = portrait.cheeks;
  return added?.smile ? [{ kind: ADDS, left, top, right, bottom }] : [];
}

function moves(vertices, at, zoom) {
  const x = vertices[at] - vertices[at + 3];
  const y = vertices[at + 1] - vertices[at + 4];
  return Math.max(Math.abs(x), Math.abs(y)) * zoom >= STILL;
}

// Whether the source of a triangle may meet a box.
function meets(vertices, a, b, c, { left, top, right, bottom }) {
  const [x, y, z] = [vertices[a + 3], vertices[b + 3], vertices[c + 3]];
  if (Math.max(x, y, z) < left || Math.min(x, y, z) > right) return false;
  const [u, v, w] = [vertices[a + 4], vertices[b + 4], vertices[c + 4]];
  return Math.max(u, v, w) >= top && Math.min(u, v, w) <= bottom;
}
