// A photo at its own size, and halved again and again, so that it is averaged over areas where it is shown smaller.

export class PhotoLevels {
  // `photo` is an ImageBitmap or canvas of `width` x `height` pixels of the photo; it may itself be smaller than that.
  constructor(photo, [width, height]) {
    this.levels = [photo];
    this.size = [width, height];
  }

  // Draws the part of the photo from (left, top) on, in pixels of the photo, into a canvas, `zoom` times as large.
  paint(canvas, { left, top, zoom }) {
    const level = this._level((zoom * this.size[0]) / this.levels[0].width);
    const scale = level.width / this.size[0];
    const context = canvas.getContext("2d", { alpha: false });
    const [width, height] = [canvas.width / zoom, canvas.height / zoom];
    context.imageSmoothingQuality = "high";
    context.imageSmoothingEnabled = scale !== zoom || left % 1 !== 0 || top % 1 !== 0;
    context.drawImage(level, left * scale, top * scale, width * scale, height * scale, 0, 0, canvas.width, canvas.height);
    this._extend(canvas, context, { left, top, zoom });
    return canvas;
  }

  // Repeats the photo's edges where the canvas reaches beyond them.
  _extend({ width, height }, context, { left, top, zoom }) {
    const [right, low] = [left, top].map((corner, d) => Math.floor((this.size[d] - corner) * zoom));
    const [first, upper] = [left, top].map((corner) => Math.ceil(-corner * zoom));
    const copy = (...boxes) => context.drawImage(context.canvas, ...boxes);
    context.imageSmoothingEnabled = false;
    if (first > 0 && first < width) copy(first, 0, 1, height, 0, 0, first, height);
    if (right > 0 && right < width) copy(right - 1, 0, 1, height, right, 0, width - right, height);
    if (upper > 0 && upper < height) copy(0, upper, width, 1, 0, 0, width, upper);
    if (low > 0 && low < height) copy(0, low - 1, width, 1, 0, low, width, height - low);
  }

  // Returns the smallest level that is not smaller than `zoom` times the photo.
  _level(zoom) {
    let k = 0;
    while (zoom * 2 ** (k + 1) <= 1 && this.levels[k].width > 1 && this.levels[k].height > 1) {
      this.levels[k + 1] ??= halved(this.levels[k]);
      k += 1;
    }
    return this.levels[k];
  }
}

function halved(picture) {
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side / 2)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  return canvas;
}
