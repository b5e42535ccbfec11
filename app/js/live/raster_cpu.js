// Draws frames of expression.js in plain JavaScript, like raster_gl.js: for browsers without WebGL 2, and as a check.

import { lashLayer } from "./cpu_lashes.js";
import { eyeLayer, lifted, mouthLayer, pictureOf } from "./cpu_layers.js";
import { fill } from "./cpu_mesh.js";
import { POINTS } from "./model.js";
import { ADDS, LIFTS, Parts } from "./parts.js";
import { bilinear, cubic, doubled } from "./sampling.js";
import { STEP } from "./shading.js";
import { ringTriangles, stripsWithin } from "./turning.js";

const LUMA = [0.299, 0.587, 0.114];

export class CpuRaster {
  constructor(model, canvas) {
    Object.assign(this, { model, canvas, isLost: false });
    this.surfaces = new Map();
    this.parts = new Parts(model);
    this.rings = ringTriangles(model.lines);
    this.strip = 6 * model.lines.oval.length; // numbers of points in a strip of the rings
    this.places = Float32Array.from({ length: 2 * POINTS }, (_, i) => model.canonical[3 * (i >> 1) + (i & 1)]);
  }

  reset() {}

  finish() {}

  dispose() {}

  surface(name, picture, place) {
    const { width, height } = picture;
    const { data } = picture.getContext("2d").getImageData(0, 0, width, height);
    const plain = { data, width, height, channels: 4 };
    this.surfaces.set(name, { plain, double: doubled(plain), width, height, ...place });
  }

  draw(name, drawn, { read = false } = {}) {
    const surface = this.surfaces.get(name);
    const { width, height } = surface;
    const target = targetOf(width, height);
    if (read) target.data.set(surface.plain.data);
    for (const { portrait, frame } of drawn) {
      if (frame.turn) this._turned(surface, portrait, frame, target);
      else this._face(surface, portrait, frame, target);
    }
    if (read) return target.data;
    Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").putImageData(new ImageData(target.data, width, height), 0, 0);
    return null;
  }

  _face(surface, portrait, frame, target) {
    const view = viewOf(surface, portrait);
    const value = new Float64Array(4);
    const photo = (x, y, out) => bilinear(surface.double, 2 * (x * view[0] + view[1]) - 0.5, 2 * (y * view[0] + view[2]) - 0.5, out);
    const put = writer(target, portrait.tones);
    target.depth.fill(Infinity);
    const [plus, lift, smooth] = [adder(this.model.side, frame.added), lifter(portrait, frame), filler(portrait, frame)];
    for (const { kind, start, count } of this.parts.split(portrait, frame, view[0])) {
      const [isLifted, isAdded] = [kind & (LIFTS[0] | LIFTS[1]), kind & ADDS];
      const triangles = this.parts.list.subarray(start, start + count);
      fill(target, frame.vertices, triangles, view, isAdded ? this.places : null, (at, x, y, u, v) => {
        photo(x, y, value);
        if (isLifted) lift(x, y, value);
        if (isAdded) smooth(x, y, value);
        if (isAdded) plus(u, v, value);
        put(at, value, 1);
      });
    }
    frame.eyes.forEach((eye, number) => {
      if (!eye) return;
      const blur = Math.max(eye.blur, 0.4 / view[0]);
      over(target, view, eye.now.box(3 * blur + 2), eyeLayer(portrait, frame, number, photo, blur), put);
    });
    frame.lashes.forEach((lid, number) => {
      if (!lid) return;
      const { shade } = portrait.eyes[number];
      close(target, view, portrait, { ...lid, shade }, lashLayer(portrait, frame, number));
    });
    if (frame.mouth) over(target, view, frame.mouth.now.box(frame.mouth.margin), mouthLayer(portrait, frame, photo), put);
  }

  _turned(surface, portrait, frame, target) {
    const view = viewOf(surface, portrait);
    const [value, put] = [new Float64Array(4), writer(target, portrait.tones)];
    const photo = (at, x, y) => {
      bilinear(surface.double, 2 * (x * view[0] + view[1]) - 0.5, 2 * (y * view[0] + view[2]) - 0.5, value);
      put(at, value, 1);
    };
    let edited = photo;
    let within = 0;
    if (!frame.nothing) {
      const between = targetOf(surface.width, surface.height);
      between.data.set(surface.plain.data);
      this._face(surface, portrait, frame, between);
      within = 6 * this.model.lines.oval.length * stripsWithin(frame.turn.degrees);
      const picture = { data: between.data, width: surface.width, height: surface.height, channels: 4 };
      edited = (at, x, y) => {
        cubic(picture, x * view[0] + view[1], y * view[0] + view[2], value);
        put(at, value, 1);
      };
    }
    const { vertices } = frame.turn;
    const outside = this.rings.length - within;
    const draw = (triangles, pixel) => {
      target.depth.fill(Infinity);
      fill(target, vertices, triangles, view, null, pixel);
    };
    for (let t = 0; t < this.rings.length; t += this.strip) {
      draw(this.rings.subarray(t, t + this.strip), t < outside ? photo : edited);
    }
    draw(this.model.triangles, edited);
  }
}

function targetOf(width, height) {
  return { width, height, data: new Uint8ClampedArray(4 * width * height), depth: new Float32Array(width * height).fill(Infinity) };
}

function viewOf({ zoom, left, top }, { scale, origin }) {
  return [zoom * scale, (origin[0] - left) * zoom, (origin[1] - top) * zoom];
}

// Returns a function that lays a colour over a pixel, by a share; the pixel may be transparent.
function writer({ data }, tones) {
  const shown = new Float64Array(3);
  return (at, value, share) => {
    const i = 4 * at;
    toned(value, tones, shown);
    const alpha = share + (data[i + 3] / 255) * (1 - share);
    for (let c = 0; c < 3; c++) {
      const colour = Math.min(Math.max(shown[c], 0), 255);
      data[i + c] = data[i + c] + (share / (alpha || 1)) * (colour - data[i + c]);
    }
    data[i + 3] = 255 * alpha;
  };
}

// Writes a colour to `out`, in the `tones` of a monochrome photo; see rbvae/images/monochrome.py.
function toned(value, tones, out) {
  const y = tones && (LUMA[0] * value[0] + LUMA[1] * value[1] + LUMA[2] * value[2]) / 255;
  for (let c = 0; c < 3; c++) out[c] = tones ? 255 * (tones[c][0] + y * (tones[c][1] + y * tones[c][2])) : value[c];
}

function adder(side, added) {
  if (!added) return () => {};
  const picture = { data: added.bytes, width: side, height: side, channels: 4 };
  const out = new Float64Array(4);
  return (u, v, value) => {
    if (u < 0) return;
    bilinear(picture, u * side, v * side, out);
    for (let c = 0; c < 3; c++) value[c] += STEP * (out[c] - 127);
  };
}

// Returns a function that fills the creases of a smile that disappears; see rbvae/faces/creases.py.
function filler(portrait, { added }) {
  if (!added?.smile) return () => {};
  const [left, top, right, bottom] = portrait.cheeks;
  const { NONE } = portrait.model.constants.creases;
  const creases = pictureOf(portrait, "creases");
  const [along, down] = [creases.width / (right - left), creases.height / (bottom - top)];
  const out = new Float64Array(3);
  return (x, y, value) => {
    if (x < left || y < top || x > right || y > bottom) return;
    bilinear(creases, (x - left) * along, (y - top) * down, out);
    for (let c = 0; c < 3; c++) value[c] += added.smile * (out[c] - NONE);
  };
}

// Returns a function that puts skin where closing lids would show the eyes.
function lifter(portrait, { lifts }) {
  const out = new Float64Array(4);
  return (x, y, value) => {
    lifts.forEach((lift, eye) => lift && lifted(portrait, eye, lift, x, y, value, out));
  };
}

// Calls `each` with the number and the place of every pixel in a box of the portrait's file.
function pixels({ width, height }, [scale, ox, oy], [left, top, right, bottom], each) {
  const [first, last] = [Math.max(0, Math.floor(left * scale + ox)), Math.min(width, Math.ceil(right * scale + ox))];
  const end = Math.min(height, Math.ceil(bottom * scale + oy));
  for (let y = Math.max(0, Math.floor(top * scale + oy)); y < end; y++) {
    for (let x = first; x < last; x++) each(y * width + x, (x + 0.5 - ox) / scale, (y + 0.5 - oy) / scale);
  }
}

function over(target, view, box, layer, put) {
  const out = new Float64Array(4);
  pixels(target, view, box, (at, x, y) => {
    layer(x, y, out);
    if (out[3] > 0.002) put(at, out, out[3]);
  });
}

function close(target, view, { tones }, { box, shade }, layer) {
  const { data } = target;
  const [out, value] = [new Float64Array(6), new Float64Array(3)];
  pixels(target, view, box, (at, x, y) => {
    layer(x, y, out);
    if (out[3] < 1e-3 && out[4] < 1e-3) return;
    for (let c = 0; c < 3; c++) {
      const below = data[4 * at + c];
      value[c] = Math.max(below + out[3] * (out[c] - below) + out[5], 0) * (1 - out[4]) ** shade[c];
    }
    toned(value, tones, value);
    for (let c = 0; c < 3; c++) data[4 * at + c] = value[c];
  });
}
