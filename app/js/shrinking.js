// Makes a photo smaller that is larger than the server takes.

import { Refused } from "./api.js";

const QUALITY = 0.95;

// Resolves to { blob, note }: the photo as it is, or smaller with a sentence about it.
export async function fitting(file, { pixels, kept, bytes }) {
  const size = await dimensions(file);
  const large = size && size[0] * size[1] > pixels;
  if (!large && file.size <= bytes) return { blob: file, note: "" };
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) throw new Refused("This photo is too large to open. Save it smaller first.", 413);
  let scale = Math.min(1, Math.sqrt((large ? kept : pixels) / (bitmap.width * bitmap.height)));
  for (;;) {
    const blob = await drawn(bitmap, scale);
    if (blob.size <= bytes) {
      const [was, is] = [megapixels(bitmap, 1), megapixels(bitmap, scale)];
      return { blob, note: was === is ? "This photo's file was made smaller to be opened." : `This photo has ${was} megapixels. It was made smaller, to ${is}.` };
    }
    scale *= 0.8;
  }
}

const megapixels = ({ width, height }, scale) => Math.round((scale * scale * width * height) / 1e6);

async function drawn(bitmap, scale) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.floor(scale * bitmap.width), Math.floor(scale * bitmap.height)];
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
}

async function dimensions(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  const size = await new Promise((done) => {
    image.onload = () => done([image.naturalWidth, image.naturalHeight]);
    image.onerror = () => done(null);
  });
  URL.revokeObjectURL(image.src);
  return size;
}
