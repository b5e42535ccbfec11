// One face of a photo, ready to be drawn; see rbvae/editing/portrait_file.py.

import { areasOf, facingAway } from "./folding.js";
import { POINTS } from "./model.js";
import { donorOf } from "./mouth.js";
import { Opening } from "./opening.js";
import { Shading } from "./shading.js";
import { unpack } from "./unpack.js";

const BEHIND = 0.02; // of the skin's area: so much may lie behind other skin
const RING = 1.35; // of the oval's size: the photo does not move from this ring outwards

export class Portrait {
  static async load(model, buffer) {
    return new Portrait(model, await unpack(buffer));
  }

  constructor(model, { about, arrays }) {
    Object.assign(this, about, { model, arrays });
    this.points = Float64Array.from(arrays.points); // [478 * 3], in pixels of the file
    this.before = this.points.slice(0, 3 * POINTS);
    this.mouths = new Map(); // of donors, by name
    this.e = arrays.e;
    this.neutralE = arrays.neutralE;
    this.shading = new Shading(model, arrays.own, arrays.covered, about.youth);
    this.areas = areasOf(model.skinTriangles, this.before);
    this.away = facingAway(model, this.before);
    this.isFlat = isFlat(this.areas.area);
    this.lips = new Opening(this.before, model.lines.innerLips);
    this.openings = model.lines.lids.map((lines) => new Opening(this.before, lines));
    this.openness = this.openings.map((opening) => opening.openness(model.constants.gaze.MIDDLE));
    const { oval } = model.lines;
    this.oval = [0, 1, 2].map((d) => oval.reduce((sum, point) => sum + this.before[3 * point + d], 0) / oval.length);
    this.ring = this.around(RING);
    this.boxes = new Map(); // by scale
  }

  // Keeps the mouth of a donor under a name; a file without content is that of a closed mouth.
  async addMouth(name, buffer) {
    if (buffer.byteLength) this.mouths.set(name, donorOf(await unpack(buffer)));
    else this.mouths.delete(name);
  }

  // The oval, `scale` times as large, [36 * 3].
  around(scale) {
    const { oval } = this.model.lines;
    return Float64Array.from({ length: 3 * oval.length }, (_, i) => {
      const d = i % 3;
      return this.oval[d] + (this.before[3 * oval[Math.floor(i / 3)] + d] - this.oval[d]) * scale;
    });
  }

  // Left, top, right and bottom of that, in pixels of the photo.
  box(scale = RING) {
    if (!this.boxes.has(scale)) {
      const [left, top, right, bottom] = this._boxOf([...this.around(scale), ...this.before]);
      this.boxes.set(scale, [left - 1, top - 1, right + 1, bottom + 1]);
    }
    return this.boxes.get(scale);
  }

  // The box of the landmarks, in pixels of the photo.
  get face() {
    return this._boxOf([...this.before]);
  }

  _boxOf(points) {
    const side = (d) => points.filter((_, i) => i % 3 === d).map((value) => this.origin[d] + this.scale * value);
    const [x, y] = [side(0), side(1)];
    return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
  }
}

// Whether hardly any skin lies behind other skin, by signed areas of triangles.
function isFlat(areas) {
  const [all, signed] = [(sum, area) => sum + Math.abs(area), (sum, area) => sum + area].map((add) => areas.reduce(add, 0));
  return Math.abs(signed) > (1 - 2 * BEHIND) * all;
}
