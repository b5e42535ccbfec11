// Pastes an edit into the photo at screen resolution while a slider moves, with the photo's detail kept. A port of
// rbvae/faces/pasting.py.

const SHAPE = 12; // grey levels of local change at which half of the photo's detail is kept
const COARSE = 0.09; // blur, relative to the crop's side, that separates lighting from shape
const COLOUR_BLUR = 0.03;
const SHAPE_BLUR = 0.02;

// Computes an overlay for the photo from the crops before and after an edit (RGBA) and the mask, all side x side.
// `added` is the value to add per colour channel, and `lost` is the fraction of the photo to remove.
export function overlay(edited, original, mask, side) {
  const area = side * side;
  const light = new Float32Array(area);
  const colours = [0, 1, 2].map(() => new Float32Array(area));
  for (let i = 0; i < area; i++) {
    const [r, g, b] = [0, 1, 2].map((c) => edited[4 * i + c] - original[4 * i + c]);
    light[i] = (r + g + b) / 3;
    colours[0][i] = r - light[i];
    colours[1][i] = g - light[i];
    colours[2][i] = b - light[i];
  }
  const broad = blurred(light, side, COARSE * side);
  const lost = blurred(light.map((value, i) => Math.abs(value - broad[i])), side, SHAPE_BLUR * side);
  for (let i = 0; i < area; i++) lost[i] = mask[i] * (1 - 1 / (1 + (lost[i] / SHAPE) ** 2));
  const covered = mask.reduce((sum, value) => sum + value);
  const added = colours.map((colour, c) => {
    const soft = blurred(colour, side, COLOUR_BLUR * side);
    const complexion = soft.reduce((sum, value, i) => sum + mask[i] * value, 0) / covered; // keep the mean colour
    return soft.map((value, i) => mask[i] * (light[i] + value - complexion) + lost[i] * original[4 * i + c]);
  });
  return { added, lost, side };
}

// Applies an overlay in place to an ImageData of the photo. `matrix` maps its coordinates to those of the crop.
export function lay({ added: [red, green, blue], lost, side }, { data, width, height }, [[a, b, tx], [c, d, ty]]) {
  const last = side - 1.001;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const u = a * (x + 0.5) + b * (y + 0.5) + tx - 0.5;
      const v = c * (x + 0.5) + d * (y + 0.5) + ty - 0.5;
      if (u < 0 || v < 0 || u > last || v > last) continue; // the mask is zero there
      const left = Math.floor(u);
      const top = Math.floor(v);
      const i = top * side + left;
      const w3 = (u - left) * (v - top);
      const w2 = v - top - w3;
      const w1 = u - left - w3;
      const w0 = 1 - w1 - w2 - w3;
      const kept = 1 - (w0 * lost[i] + w1 * lost[i + 1] + w2 * lost[i + side] + w3 * lost[i + side + 1]);
      const at = 4 * (y * width + x);
      data[at] = data[at] * kept + w0 * red[i] + w1 * red[i + 1] + w2 * red[i + side] + w3 * red[i + side + 1];
      data[at + 1] =
        data[at + 1] * kept + w0 * green[i] + w1 * green[i + 1] + w2 * green[i + side] + w3 * green[i + side + 1];
      data[at + 2] =
        data[at + 2] * kept + w0 * blue[i] + w1 * blue[i + 1] + w2 * blue[i + side] + w3 * blue[i + side + 1];
    }
  }
}

// Gaussian blur with the same kernel size as OpenCV's. Border pixels are replicated.
function blurred(values, side, sigma) {
  const reach = Math.round(4 * sigma);
  const weights = Float32Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-(((k - reach) / sigma) ** 2) / 2));
  const whole = weights.reduce((sum, weight) => sum + weight);
  const once = turnedAndBlurred(values, side, weights, whole);
  return turnedAndBlurred(once, side, weights, whole);
}

// Blurs along the rows and transposes the result.
function turnedAndBlurred(values, side, weights, whole) {
  const reach = (weights.length - 1) / 2;
  const output = new Float32Array(values.length);
  const row = new Float32Array(side + 2 * reach);
  for (let y = 0; y < side; y++) {
    const start = y * side;
    row.fill(values[start], 0, reach);
    row.set(values.subarray(start, start + side), reach);
    row.fill(values[start + side - 1], reach + side);
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * row[x + k];
      output[x * side + y] = sum / whole;
    }
  }
  return output;
}
