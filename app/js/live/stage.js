// Live drawing: a part of a photo on a stage, with edits of its faces drawn in the browser, one frame a move.
//
//   const live = await LiveStage.create(host, { modelUrl, fetchPortrait, photo, size });
//     host            element with `position: relative` that gets two canvases, one above the other
//     modelUrl        address of the page's model; it is loaded once
//     fetchPortrait   async () => ArrayBuffer, the portrait's file of the first face; leave it out to add faces later
//     key             name of that face (default "face")
//     photo, size     ImageBitmap or canvas of the whole photo, sRGB, and [width, height] of the photo that faces were
//                     found in; the picture may be smaller
//   await live.addFace(key, buffer)      adds a face; buffer is its portrait's file
//   await live.addMouth(key, name, buffer)   lets a donor's mouth, the file of `live` with a donor, fill the face's own in
//                     edits with mouth: name
//   live.view({ zoom, x, y, width, height, ratio })
//                     CSS pixels per pixel of the photo, the place of the photo in the stage's left upper corner, the
//                     stage's size in CSS pixels, and the device pixel ratio; shown in the next frame, like `draw`
//   await live.draw([{ key, e, named, parts, gesture, neutral, closing, mouth }, ...])
//                     e: Float32Array or null for the face's own; neutral 0..1: how far to the neutral e; closing 0..1:
//                     how far the lips close, by default as far as e is on the way to the neutral one; named: sigmas
//                     by direction, or gestures by name; parts: of "mouth", "eyes", "brows", none for all; gesture: by
//                     name ("gaze_right" or "gaze right"). Resolves after the frame; of several calls before it, the
//                     last is drawn. An edit that is left out is undone.
//   live.thumbnail(key, edit, side)      a canvas of at most side x side pixels with the edited face
//   live.snapshot()   a canvas of the stage with the edits
//   live.lost         whether WebGL is away at the moment; it comes back by itself, or JavaScript draws
//   live.dispose()

import { cropAround } from "./crop.js";
import { Expression } from "./expression.js";
import { Loop } from "./loop.js";
import { Model } from "./model.js";
import { Pace } from "./pace.js";
import { PhotoLevels } from "./photo_levels.js";
import { Portrait } from "./portrait.js";
import { CpuRaster } from "./raster_cpu.js";
import { GlRaster } from "./raster_gl.js";
import { WIDEST } from "./turning.js";

const MARGIN = 64; // device pixels around the stage in which faces are drawn, too
const PATIENCE = 3000; // ms after which a lost context counts as gone for good
const models = new Map();

export class LiveStage {
  static async create(host, { modelUrl, fetchPortrait, photo, size, key = "face", raster = "gl" }) {
    if (!models.has(modelUrl)) models.set(modelUrl, load(modelUrl));
    const [model, buffer] = await Promise.all([models.get(modelUrl), fetchPortrait?.()]);
    const live = new LiveStage(host, model, new PhotoLevels(photo, size), size, raster);
    if (buffer) await live.addFace(key, buffer);
    return live;
  }

  constructor(host, model, photo, size, raster) {
    Object.assign(this, { host, model, photo, size, lost: false });
    this.faces = new Map();
    this.edits = [];
    this.shown = { zoom: 1, left: 0, top: 0, width: 1, height: 1, ratio: 1 };
    this.loop = new Loop((edits) => this._draw(edits));
    this.pace = new Pace(() => this._draw(this.edits, 1));
    this.plain = canvasOn(host);
    this._start(raster);
  }

  async addFace(key, buffer) {
    const portrait = await Portrait.load(this.model, buffer);
    this.faces.set(key, { portrait, expression: new Expression(portrait), tile: new Expression(portrait) });
  }

  addMouth(key, name, buffer) {
    return this._face(key).portrait.addMouth(name, buffer);
  }

  view({ zoom, x, y, width, height, ratio = 1 }) {
    const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * ratio)));
    this.shown = { zoom: zoom * ratio, left: x, top: y, width: across, height: down, ratio };
    this.isStale = true;
    return this.draw(this.loop.waiting ? this.loop.input : this.edits);
  }

  draw(edits) {
    return this.loop.ask(edits);
  }

  thumbnail(key, edit, side) {
    const { portrait, tile } = this._face(key);
    const { left, top, side: length } = cropAround(portrait.face, this.size);
    side = Math.min(side, length); // as the server's
    const place = { left, top, zoom: side / length };
    const canvas = sized(side, side);
    this.photo.paint(canvas, place);
    const frame = tile.frame(edit);
    if (this.raster.isLost || (frame.nothing && !frame.turn)) return canvas;
    this.raster.surface("tile", canvas, place);
    const pixels = this.raster.draw("tile", [{ portrait, frame }], { read: true });
    canvas.getContext("2d").putImageData(new ImageData(pixels, side, side), 0, 0);
    return canvas;
  }

  snapshot() {
    this._draw(this.edits, 1);
    const canvas = sized(this.plain.width, this.plain.height);
    const context = canvas.getContext("2d");
    context.drawImage(this.plain, 0, 0);
    if (!this.front.hidden) context.drawImage(this.front, ...this.corner);
    return canvas;
  }

  dispose() {
    this.loop.stop();
    this.pace.stop();
    clearTimeout(this.patience);
    this.disposed = true;
    this.raster.dispose();
    this.plain.remove();
    this.front.remove();
  }

  _start(raster) {
    this.front?.remove();
    this.front = canvasOn(this.host);
    this.front.hidden = true;
    this.prepared = {};
    try {
      this.raster = raster === "gl" ? new GlRaster(this.model, this.front) : new CpuRaster(this.model, this.front);
    } catch (error) {
      console.warn(`JavaScript draws: ${error.message}`);
      this.front.remove();
      return this._start("cpu");
    }
    this.front.addEventListener("webglcontextlost", (event) => this._lose(event));
    this.front.addEventListener("webglcontextrestored", () => this._heal());
  }

  _lose(event) {
    event.preventDefault();
    if (this.disposed) return;
    this.lost = true;
    this.front.hidden = true;
    this.patience = setTimeout(() => {
      this._start("cpu");
      this.lost = false;
      this._draw(this.edits);
    }, PATIENCE);
  }

  _heal() {
    clearTimeout(this.patience);
    this.raster.reset();
    this.lost = false;
    this.prepared = {};
    this._draw(this.edits);
  }

  // Shows the photo itself, after another part of it has been asked for.
  _paint() {
    const { width, height, ratio } = this.shown;
    Object.assign(this.plain, { width, height });
    Object.assign(this.plain.style, { width: `${width / ratio}px`, height: `${height / ratio}px` });
    this.photo.paint(this.plain, this.shown);
    this.isStale = false;
    this.prepared = {};
  }

  // `share`: of the pixels along each side, by default as many as the pace of moves allows.
  _draw(edits, share = this.pace.next()) {
    this.edits = edits;
    if (this.isStale) this._paint();
    if (this.lost || this.raster.isLost) return;
    const start = performance.now();
    const drawn = edits.map((edit) => {
      const { portrait, expression } = this._face(edit.key);
      return { portrait, frame: expression.frame(edit) };
    }).filter(({ frame }) => !frame.nothing || frame.turn);
    const box = this._box(drawn);
    this.front.hidden = !box;
    if (!box) return;
    const calculated = performance.now() - start;
    const name = share < 1 ? "moving" : "stage";
    this._prepare(name, box, share);
    const ready = performance.now();
    this.raster.draw(name, drawn);
    if (share === 1) this.raster.finish();
    this.pace.note(share, calculated + performance.now() - ready);
  }

  // The part of the stage that the faces take up, in device pixels; null if there is none.
  _box(drawn) {
    const { zoom, left, top, width, height } = this.shown;
    const low = [Infinity, Infinity];
    const high = [-Infinity, -Infinity];
    for (const { portrait, frame } of drawn) {
      const box = portrait.box(frame.turn ? WIDEST : undefined);
      [left, top].forEach((corner, d) => {
        low[d] = Math.min(low[d], Math.floor((box[d] - corner) * zoom));
        high[d] = Math.max(high[d], Math.ceil((box[2 + d] - corner) * zoom));
      });
    }
    [[left, width], [top, height]].forEach(([corner, side], d) => {
      low[d] = Math.max(low[d], -MARGIN, Math.ceil(-corner * zoom));
      high[d] = Math.min(high[d], side + MARGIN, Math.floor((this.size[d] - corner) * zoom));
    });
    return low[0] < high[0] && low[1] < high[1] ? [...low, ...high] : null;
  }

  // Puts the canvas over that part, and gives its pixels to the rasteriser under a name, `share` of them along each side.
  _prepare(name, [left, top, right, bottom], share) {
    const { shown: { zoom, ratio, ...shown }, prepared } = this;
    const [width, height] = [right - left, bottom - top].map((side) => Math.ceil(side * share));
    const box = [left, top, right, bottom, share].join();
    if (box !== prepared[name]) {
      const place = { zoom: zoom * share, left: shown.left + left / zoom, top: shown.top + top / zoom };
      this.raster.surface(name, this.photo.paint(sized(width, height), place), place);
      prepared[name] = box;
    }
    if (box === prepared.shown) return;
    prepared.shown = box;
    this.corner = [left, top];
    const css = [left, top, width / share, height / share].map((length) => `${length / ratio}px`);
    ["left", "top", "width", "height"].forEach((name, k) => (this.front.style[name] = css[k]));
  }

  _face(key) {
    const face = this.faces.get(key);
    if (!face) throw new Error(`No face ${key} has been added.`);
    return face;
  }
}

async function load(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The model did not come (${response.status}). Reload the page.`);
  return Model.load(await response.arrayBuffer());
}

const sized = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

function canvasOn(host) {
  const canvas = sized(1, 1);
  Object.assign(canvas.style, { position: "absolute", left: 0, top: 0 });
  host.append(canvas);
  return canvas;
}
