// Pictures in plain JavaScript: { data, width, height, channels }, sampled at pixels, of which the first has its centre at
// 0.5. Samples go into `out`.

const A = -0.75; // of OpenCV's cubic kernel
const [wx, wy] = [new Float64Array(4), new Float64Array(4)];

export function bilinear({ data, width, height, channels }, x, y, out) {
  const [u, v] = [x - 0.5, y - 0.5];
  const [left, top] = [Math.floor(u), Math.floor(v)];
  const [right, low] = [u - left, v - top];
  const x0 = left < 0 ? 0 : left >= width ? width - 1 : left;
  const x1 = left + 1 < 0 ? 0 : left + 1 >= width ? width - 1 : left + 1;
  const y0 = (top < 0 ? 0 : top >= height ? height - 1 : top) * width;
  const y1 = (top + 1 < 0 ? 0 : top + 1 >= height ? height - 1 : top + 1) * width;
  const [a, b, c, d] = [channels * (y0 + x0), channels * (y0 + x1), channels * (y1 + x0), channels * (y1 + x1)];
  for (let k = 0; k < channels; k++) {
    const upper = data[a + k] + right * (data[b + k] - data[a + k]);
    const lower = data[c + k] + right * (data[d + k] - data[c + k]);
    out[k] = upper + low * (lower - upper);
  }
}

export function cubic({ data, width, height, channels }, x, y, out) {
  const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  kernel(x - 0.5 - left, wx);
  kernel(y - 0.5 - top, wy);
  for (let k = 0; k < channels; k++) out[k] = 0;
  for (let j = 0; j < 4; j++) {
    const row = width * Math.min(Math.max(top - 1 + j, 0), height - 1);
    for (let i = 0; i < 4; i++) {
      const at = channels * (row + Math.min(Math.max(left - 1 + i, 0), width - 1));
      const weight = wx[i] * wy[j];
      for (let k = 0; k < channels; k++) out[k] += weight * data[at + k];
    }
  }
}

function kernel(f, weights) {
  const g = 1 - f;
  weights[0] = A * f * g * g;
  weights[1] = ((A + 2) * f - (A + 3)) * f * f + 1;
  weights[2] = ((A + 2) * g - (A + 3)) * g * g + 1;
  weights[3] = A * g * f * f;
}

// Doubles a picture: every second pixel is one of its own; see DOUBLE in shaders.js.
export function doubled(picture) {
  const { width, height, channels } = picture;
  const data = new Uint8ClampedArray(4 * width * height * channels);
  const out = new Float64Array(channels);
  for (let y = 0; y < 2 * height; y++) {
    for (let x = 0; x < 2 * width; x++) {
      cubic(picture, x / 2 + 0.5, y / 2 + 0.5, out);
      data.set(out, channels * (2 * width * y + x));
    }
  }
  return { data, width: 2 * width, height: 2 * height, channels };
}
