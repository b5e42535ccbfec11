// Mouth and eyes as openings between two lines of points; see rbvae/faces/openings.py.

export const CELLS = 128; // samples of a line along an opening
// The row of a frame's lines with the depths of the lines of closed eyes, and the positions along an eye at its ends.
export const DEPTHS = { row: 3, from: -0.1, to: 1.1 };

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
export const smoothstep = (t) => t * t * (3 - 2 * t);
// Rises from 0 at `start` to 1 at `end`, which may be the smaller one.
export const ramp = (value, start, end) => clamp((value - start) / (end - start), 0, 1);

export class Opening {
  // `points` [N * 3] are landmarks; `lines` two lists of their numbers; `moves` [N * 3] are added to points.
  constructor(points, [upper, lower], moves = null) {
    const at = (i) => points[i] + (moves ? moves[i] : 0);
    const row = (line) => line.map((point) => [at(3 * point), at(3 * point + 1)]);
    [this.upper, this.lower] = [row(upper), row(lower)];
    const [first, last] = [this.upper[0], this.upper[this.upper.length - 1]];
    this.width = Math.max(Math.hypot(last[0] - first[0], last[1] - first[1]), 1e-6);
    this.along = [(last[0] - first[0]) / this.width, (last[1] - first[1]) / this.width];
    this.across = [-this.along[1], this.along[0]];
    this.origin = first;
    this.profiles = [profile(this, this.upper), profile(this, this.lower)];
  }

  // Negative where the lines have crossed.
  get gap() {
    const middle = this.upper.length >> 1;
    const [a, b] = [this.upper[middle], this.lower[middle]];
    return ((b[0] - a[0]) * this.across[0] + (b[1] - a[1]) * this.across[1]) / this.width;
  }

  // The distances of both lines from the axis through the corners at `s`.
  lines(s) {
    return this.profiles.map((line) => interpolated(s, line));
  }

  // Converts a position to `s` and the distance from the axis.
  coordinates(x, y) {
    const [dx, dy] = [x - this.origin[0], y - this.origin[1]];
    return [
      (dx * this.along[0] + dy * this.along[1]) / this.width,
      dx * this.across[0] + dy * this.across[1],
    ];
  }

  // Left, top, right and bottom of the outline plus a margin.
  box(margin) {
    const all = [...this.upper, ...this.lower];
    const [x, y] = [all.map((point) => point[0]), all.map((point) => point[1])];
    return [Math.min(...x) - margin, Math.min(...y) - margin, Math.max(...x) + margin, Math.max(...y) + margin];
  }

  // Mean distance between the lines at positions `middle` across the opening, divided by the width.
  openness(middle) {
    const distances = middle.map((s) => this.lines(s)).map(([upper, lower]) => Math.max(lower - upper, 0));
    return distances.reduce((sum, distance) => sum + distance) / middle.length / this.width;
  }

  // Writes both lines, sampled at CELLS cells from s = 0 to 1, to channels of an RGBA row.
  write(row, channel) {
    for (const [k, line] of this.profiles.entries()) sampled(row, channel + k, line, 0, 1);
  }
}

// Writes a piecewise linear line { at, value } over the range `from`..`to` to one channel of an RGBA row.
export function sampled(row, channel, { at, value }, from, to) {
  let next = 0;
  for (let cell = 0; cell < CELLS; cell++) {
    const s = from + ((to - from) * cell) / (CELLS - 1);
    while (next < at.length && at[next] <= s) next++;
    row[4 * cell + channel] = between(s, at, value, next);
  }
}

// The value of a piecewise linear line at `s`.
export function interpolated(s, { at, value }) {
  let next = 0;
  while (next < at.length && at[next] <= s) next++;
  return between(s, at, value, next);
}

function between(s, at, value, next) {
  if (next === 0) return value[0];
  if (next === at.length) return value[next - 1];
  return value[next - 1] + ((s - at[next - 1]) / (at[next] - at[next - 1])) * (value[next] - value[next - 1]);
}

function profile(opening, line) {
  const [at, value] = [[], []];
  let furthest = -Infinity;
  for (const [x, y] of line) {
    const [s, across] = opening.coordinates(x, y);
    at.push((furthest = Math.max(furthest, s)));
    value.push(across);
  }
  return { at, value };
}
