// Which triangles of a frame need to be drawn, and how: most of a face does not change in most edits.

import { POINTS } from "./model.js";

const STILL = 1 / 64; // pixels of the surface: OpenCV samples at steps of 1/32
const FAINT = 0.5; // grey levels: less is rounded away
const BLOCK = 8; // texels, sides of the blocks in which changes of texture are looked for

export class Parts {
  constructor(model) {
    this.side = model.side;
    this.blocks = Math.ceil(model.side / BLOCK);
    this.triangles = Uint16Array.from([...around(model.lines.oval), ...model.triangles]);
    this.ring = this.triangles.length - model.triangles.length;
    this.lists = [0, 1, 2].map(() => new Uint16Array(this.triangles.length));
    this.texels = model.texels;
    const rowOf = (texel) => Math.floor(texel / model.side / BLOCK);
    this.blockOf = model.texels.map((texel) => rowOf(texel) * this.blocks + Math.floor((texel % model.side) / BLOCK));
    this.largest = new Float32Array(this.blocks ** 2);
    this.ranges = Array.from({ length: this.triangles.length / 3 }, (_, t) => 3 * t < this.ring ? null : this._range(model, t));
  }

  // Returns lists of triangles [moved, added, mended] of a frame, for `zoom` pixels of the surface per pixel of the file.
  split(portrait, frame, zoom) {
    const { vertices } = frame;
    if (frame.added) this._measure(frame.added);
    const counts = [0, 0, 0];
    const rectangles = mended(portrait, frame);
    for (let t = 0; t < this.ranges.length; t++) {
      const [a, b, c] = [5 * this.triangles[3 * t], 5 * this.triangles[3 * t + 1], 5 * this.triangles[3 * t + 2]];
      const isMended = rectangles.some((box) => meets(vertices, a, b, c, box));
      const isAdded = Boolean(frame.added) && this._adds(t);
      const isMoved = moves(vertices, a, zoom) || moves(vertices, b, zoom) || moves(vertices, c, zoom);
      if (!isMended && !isAdded && !isMoved && portrait.isFlat) continue;
      const kind = isMended ? 2 : isAdded ? 1 : 0;
      for (let k = 0; k < 3; k++) this.lists[kind][counts[kind]++] = this.triangles[3 * t + k];
    }
    return this.lists.map((list, kind) => list.subarray(0, counts[kind]));
  }

  // The blocks of the canonical frame that a triangle touches, with those next to them.
  _range({ canonical, side }, t) {
    const corners = [0, 1, 2].map((k) => this.triangles[3 * t + k]);
    return [0, 1].map((d) => {
      const cells = corners.map((point) => canonical[3 * point + d] * side);
      const clip = (value) => Math.min(Math.max(Math.floor(value / BLOCK), 0), this.blocks - 1);
      return [clip(Math.min(...cells) - 1), clip(Math.max(...cells) + 1)];
    });
  }

  _measure(added) {
    this.largest.fill(0);
    const { texels, blockOf, largest } = this;
    for (let i = 0; i < texels.length; i++) {
      const at = 4 * texels[i];
      const value = Math.max(Math.abs(added[at]), Math.abs(added[at + 1]), Math.abs(added[at + 2]));
      if (value > largest[blockOf[i]]) largest[blockOf[i]] = value;
    }
  }

  _adds(t) {
    if (!this.ranges[t]) return false;
    const [[left, right], [top, bottom]] = this.ranges[t];
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) if (this.largest[y * this.blocks + x] >= FAINT) return true;
    }
    return false;
  }
}

// Returns the triangles between an oval and the ring around it.
function around(oval) {
  return oval.flatMap((a, k) => {
    const next = (k + 1) % oval.length;
    return [a, oval[next], POINTS + k, oval[next], POINTS + next, POINTS + k];
  });
}

// The boxes of the photo, in pixels of the file, whose pixels are replaced before they move.
function mended(portrait, { hidden, lifts }) {
  const boxes = [];
  if (hidden.share) boxes.push(portrait.lips.box(4 * hidden.soft));
  lifts.forEach((lift, eye) => {
    if (!lift) return;
    const { lidCorner: [left, top], skin } = portrait.eyes[eye];
    const [height, width] = portrait.arrays[skin].shape;
    boxes.push([left, top, left + width, top + height]);
  });
  return boxes;
}

function moves(vertices, at, zoom) {
  const [x, y] = [vertices[at] - vertices[at + 3], vertices[at + 1] - vertices[at + 4]];
  return Math.max(Math.abs(x), Math.abs(y)) * zoom >= STILL;
}

// Whether the source of a triangle may meet a box.
function meets(vertices, a, b, c, [left, top, right, bottom]) {
  const [x, y, z] = [vertices[a + 3], vertices[b + 3], vertices[c + 3]];
  if (Math.max(x, y, z) < left || Math.min(x, y, z) > right) return false;
  const [u, v, w] = [vertices[a + 4], vertices[b + 4], vertices[c + 4]];
  return Math.max(u, v, w) >= top && Math.min(u, v, w) <= bottom;
}
