// Sums of images of change, and their averages over the face.

const NEAR = 1e-3; // sigmas: how near to a line coefficients count as on it
const FURTHEST = 50; // times the distance of two sums: beyond, their rounding errors would show

// Sums of rows [K, N] times coefficients [K]. Those of a moving slider lie on a line, on which two sums give all others.
export class Line {
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
export function broad({ side, texels, skin, constants }) {
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
