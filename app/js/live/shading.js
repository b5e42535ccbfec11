// The change of texture that is added to a photo, region by region; see rbvae/faces/shading.py.
//
// Skin becomes lighter or darker by a ratio. All up to its limits is linear in the images of change, so that it is
// computed once for each of them and face, and a move only adds up numbers.

const LUMA = [0.299, 0.587, 0.114];
const STEPS = 1024; // of the table of ratios
const LIMIT = 90; // grey levels
const NEAR = 1e-3; // sigmas: how near to a line coefficients count as on it
const FURTHEST = 50; // times the distance of two sums: beyond, their rounding errors would show

export class Shading {
  // `own` [P * 3] is the face's texture in grey levels, `covered` [P] how much of a texel something covers, in 255ths.
  constructor(model, own, covered) {
    Object.assign(this, { model, own });
    const { texels, coloured, images, count } = model;
    const { DARKEST, BROAD_SHARE, RATIOS, WARMTH } = model.constants.shading;
    this.table = Float32Array.from({ length: 3 * (STEPS + 1) }, (_, i) => {
      return (RATIOS[0] + ((RATIOS[1] - RATIOS[0]) * Math.floor(i / 3)) / STEPS) ** WARMTH[i % 3] - 1;
    });
    const [area, tinted] = [texels.length, coloured.length];
    this.share = Float32Array.from(texels, (_, i) => (model.fade[i] / 255) * (1 - covered[i] / 255));
    const lightness = Float32Array.from(texels, (_, i) => {
      return Math.max(LUMA.reduce((sum, weight, c) => sum + weight * own[3 * i + c], 0), 4);
    });
    const dim = lightness.map((value, i) => Math.min(Math.max(value / Math.max(model.meanLuma[i], 1), DARKEST), 1));
    const blur = broad(model);
    this.ratios = new Float32Array(count * area); // of lightness, for each image
    this.tints = new Float32Array(3 * count * tinted); // changes of red, green and blue at the coloured texels
    for (let k = 0; k < count; k++) {
      const image = images.subarray(k * (area + 2 * tinted), (k + 1) * (area + 2 * tinted));
      const ratio = this.ratios.subarray(k * area, (k + 1) * area);
      for (let i = 0; i < area; i++) ratio[i] = (image[i] * dim[i]) / lightness[i];
      const wide = blur(ratio);
      for (let i = 0; i < area; i++) ratio[i] -= BROAD_SHARE * wide[i];
      coloured.forEach((texel, i) => {
        const [grey, red, blue] = [image[texel], image[area + i], image[area + tinted + i]];
        const green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1];
        const at = 3 * (k * tinted + i);
        [red, green, blue].forEach((colour, c) => (this.tints[at + c] = (grey + colour) * dim[texel]));
      });
    }
    this.ratio = new Line(this.ratios, area);
    this.tint = new Line(this.tints, 3 * tinted);
    this.added = new Float32Array(4 * model.side * model.side);
  }

  // Returns what to add for coefficients of the images [K]: RGBA float [S * S * 4], in grey levels, reused by the next
  // call. `weights` [P] or null limit it to parts of the face.
  apply(coefficients, weights) {
    const [ratio, tint] = [this.ratio.at(coefficients), this.tint.at(coefficients)];
    const { texels, coloured, plainWeight, colouredWeight } = this.model;
    const { added, own, share, table } = this;
    const { FAINT, LIGHTER, DARKER, RATIOS } = this.model.constants.shading;
    const [least, most] = RATIOS.map((ratio) => ratio - 1);
    const scale = STEPS / (most - least);
    for (let i = 0; i < texels.length; i++) {
      let value = ratio[i];
      if (value > FAINT) value = Math.min((value - FAINT) * LIGHTER, most);
      else if (value < -FAINT) value = Math.max((value + FAINT) * DARKER, least);
      else value = 0;
      const step = 3 * Math.round((value - least) * scale);
      const weight = value === 0 ? 0 : ((plainWeight[i] / 255) * share[i] * (weights ? weights[i] : 1));
      const at = 4 * texels[i];
      for (let c = 0; c < 3; c++) added[at + c] = weight && table[step + c] * own[3 * i + c] * weight;
    }
    for (let k = 0; k < coloured.length; k++) {
      const i = coloured[k];
      const weight = (colouredWeight[i] / 255) * share[i] * (weights ? weights[i] : 1);
      const at = 4 * texels[i];
      for (let c = 0; c < 3; c++) added[at + c] += tint[3 * k + c] * weight;
    }
    for (let i = 0; i < texels.length; i++) {
      const at = 4 * texels[i];
      for (let c = at; c < at + 3; c++) added[c] = added[c] < -LIMIT ? -LIMIT : added[c] > LIMIT ? LIMIT : added[c];
    }
    return added;
  }
}

// Sums of rows [K, N] times coefficients [K]. Those of a moving slider lie on a line, on which two sums give all others.
class Line {
  constructor(rows, count) {
    this.rows = rows;
    this.ends = [0, 1].map(() => ({ coefficients: null, sum: new Float32Array(count) }));
    this.sum = new Float32Array(count);
  }

  at(coefficients) {
    const [a, b] = this.ends;
    const t = a.coefficients && b.coefficients ? alongLine(coefficients, a.coefficients, b.coefficients) : NaN;
    if (!Number.isFinite(t)) {
      this.ends.reverse();
      combine(coefficients, this.rows, b.sum);
      b.coefficients = coefficients.slice();
      return b.sum;
    }
    const { sum } = this;
    const [first, second] = [a.sum, b.sum];
    for (let i = 0; i < sum.length; i++) sum[i] = first[i] + t * (second[i] - first[i]);
    return sum;
  }
}

// Returns t where p = a + t * (b - a), NaN if p is not on that line or too far out on it.
function alongLine(p, a, b) {
  let [length, along] = [0, 0];
  for (let k = 0; k < p.length; k++) {
    length += (b[k] - a[k]) ** 2;
    along += (b[k] - a[k]) * (p[k] - a[k]);
  }
  const t = along / length;
  let aside = 0;
  for (let k = 0; k < p.length; k++) aside += (p[k] - a[k] - t * (b[k] - a[k])) ** 2;
  return aside < NEAR * NEAR && Math.abs(t) < FURTHEST ? t : NaN;
}

// Adds up rows [K, N] times coefficients [K] into `sum` [N], four rows at a time.
export function combine(coefficients, rows, sum) {
  const count = sum.length;
  sum.fill(0);
  let k = 0;
  for (; k + 3 < coefficients.length; k += 4) {
    const [a, b, c, d] = coefficients.subarray(k, k + 4);
    const [p, q, r, s] = [0, 1, 2, 3].map((row) => (k + row) * count);
    for (let i = 0; i < count; i++) sum[i] += a * rows[p + i] + b * rows[q + i] + c * rows[r + i] + d * rows[s + i];
  }
  for (; k < coefficients.length; k++) {
    for (let i = 0, at = k * count; i < count; i++) sum[i] += coefficients[k] * rows[at + i];
  }
}

// Returns a function that averages a relative change of skin [P] over the skin around each texel.
function broad({ side, texels, skin, constants }) {
  const sigma = constants.shading.BROAD_SIZE * side;
  const reach = Math.round(4 * sigma);
  const kernel = Float32Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const total = kernel.reduce((sum, value) => sum + value);
  const [square, rows] = [new Float32Array(side * side), new Float32Array(side * side)];
  const pass = (from, to, step, line) => {
    for (let a = 0; a < side; a++) {
      for (let b = 0; b < side; b++) {
        let sum = 0;
        const first = Math.max(-reach, -b);
        const last = Math.min(reach, side - 1 - b);
        for (let k = first; k <= last; k++) sum += kernel[k + reach] * from[a * line + (b + k) * step];
        to[a * line + b * step] = sum / total;
      }
    }
  };
  const blurred = (values) => {
    square.fill(0);
    for (let i = 0; i < texels.length; i++) square[texels[i]] = (values ? values[i] : 1) * (skin[i] / 255);
    pass(square, rows, 1, side);
    pass(rows, square, side, 1);
    return Float32Array.from(texels, (texel) => square[texel]);
  };
  const norm = blurred(null);
  return (values) => blurred(values).map((value, i) => value / Math.max(norm[i], 0.01));
}
