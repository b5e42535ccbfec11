// Draws the edited part of the photo in the browser while a slider moves.

import { lay, overlay } from "./pasting.js";

const MOST = 400; // longer side, in pixels

export class Moving {
  constructor(bench, canvas, photo) {
    Object.assign(this, { bench, canvas, photo });
    this.known = null;
    this.mask = bench.setup.mask && read(bench.setup.mask);
  }

  // Whether `draw` can be used for the opened image.
  get ready() {
    return this.bench.drawing.ready && this.known?.record === this.bench.record;
  }

  // Prepares to draw edits of an opened photo: reads its pixels in the given box.
  async prepare(record, [left, top, right, bottom]) {
    if (!this.mask || !record.aligned || !this.bench.drawing.ready || this.known?.record === record) return;
    const mask = await this.mask;
    const [across, down] = [right - left, bottom - top];
    const seen = (this.photo.getBoundingClientRect().width / record.size[0]) * (window.devicePixelRatio || 1);
    const scale = Math.min(seen, 1, MOST / Math.max(across, down));
    const [width, height] = [across, down].map((length) => Math.max(1, Math.round(scale * length)));
    const ratio = this.photo.naturalWidth / record.size[0]; // the displayed photo may be smaller
    const part = [left, top, across, down].map((length) => ratio * length);
    const context = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(this.photo, ...part, 0, 0, width, height);
    const plain = context.getImageData(0, 0, width, height);
    const matrix = record.aligned.map(([a, b, shift]) => [
      (a * across) / width,
      (b * down) / height,
      a * left + b * top + shift,
    ]);
    const original = this.bench.drawing.draw(record.z, record.e);
    if (this.bench.record === record) this.known = { record, plain, matrix, original, mask };
  }

  // Draws an edited crop, as ImageData from the generator, into the photo.
  draw(edited) {
    const { plain, matrix, original, mask } = this.known;
    const picture = new ImageData(plain.data.slice(), plain.width, plain.height);
    lay(overlay(edited.data, original.data, mask, edited.width), picture, matrix);
    if (this.canvas.width !== plain.width) this.canvas.width = plain.width;
    if (this.canvas.height !== plain.height) this.canvas.height = plain.height;
    this.canvas.getContext("2d").putImageData(picture, 0, 0);
  }
}

const canvasOf = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

// Reads a grey image as values from 0 to 1.
async function read(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  const context = canvasOf(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  return Float32Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] / 255);
}
