// Moves of lids and irises; see rbvae/faces/gaze.py and still_lids in rbvae/faces/eyes.py.

import { Opening, clamp } from "./opening.js";

const IRISES = [468, 473]; // centres; four points of the rim follow each
const ABOVE = [
  [[247, 30, 29, 27, 28, 56, 190], [113, 225, 224, 223, 222, 221, 189]],
  [[414, 286, 258, 257, 259, 260, 467], [413, 441, 442, 443, 444, 445, 342]],
];
const BELOW = [
  [[25, 110, 24, 23, 22, 26, 112], [31, 228, 229, 230, 231, 232, 233]],
  [[341, 256, 252, 253, 254, 339, 255], [453, 452, 451, 450, 449, 448, 261]],
];
export const SHUT = 0.05; // openness below which an eye shows no eyeball

// Takes the opening of eyes that are closed in the photo out of `moves` [468 * 3], in place.
export function stillLids(points, moves, lids) {
  for (const lines of lids) {
    const closed = 1 - clamp((new Opening(points, lines).gap - 0.06) / 0.07, 0, 1);
    if (!closed) continue;
    const ends = [3 * lines[0][0], 3 * lines[0][lines[0].length - 1]];
    const corners = [0, 1, 2].map((d) => (moves[ends[0] + d] + moves[ends[1] + d]) / 2);
    for (const point of new Set(lines.flat())) {
      for (let d = 0; d < 3; d++) moves[3 * point + d] += closed * (corners[d] - moves[3 * point + d]);
    }
  }
}

// The displacement of an iris for a gaze in -1..1 to the right and up.
export function gazeMove(points, opening, eye, right, up) {
  if (opening.openness < SHUT) return [0, 0];
  const centre = IRISES[eye];
  const at = (point) => [points[3 * point], points[3 * point + 1]];
  const [x, y] = at(centre);
  const radius = [1, 2, 3, 4].reduce((sum, k) => sum + Math.hypot(at(centre + k)[0] - x, at(centre + k)[1] - y), 0) / 4;
  const place = (x - opening.origin[0]) * opening.along[0] + (y - opening.origin[1]) * opening.along[1];
  const [low, high] = [0.75 * radius, Math.max(0.75 * radius, opening.width - 0.75 * radius)];
  const aside = Math.min(Math.max(right * 0.75 * radius, Math.min(0, low - place)), Math.max(0, high - place));
  return [0, 1].map((d) => aside * opening.along[d] - up * 0.5 * radius * opening.across[d]);
}

// Adds to `moves` [468 * 3] those that close an eye's lids by `closed` in -1..1 and let them follow the gaze.
export function moveLids(points, opening, eye, closed, gaze, lines, moves) {
  if (opening.openness < SHUT && closed <= 0) return;
  const down = gaze[0] * opening.across[0] + gaze[1] * opening.across[1];
  const [upper, lower] = lines;
  const height = (point) => {
    const [s] = opening.coordinates(points[3 * point], points[3 * point + 1]);
    const [above, below] = opening.lines(s);
    return Math.max(below - above, 0);
  };
  const highest = Math.max(...upper.map(height), 1e-6);
  const move = (point, isUpper, share) => {
    const tall = height(point);
    const shape = clamp(tall / highest, 0, 1);
    const byUpper = 0.75 * down * shape;
    const byLower = 0.35 * down * shape;
    const open = tall + byLower - byUpper;
    const by = isUpper
      ? byUpper + (closed >= 0 ? closed * 0.88 * open : closed * 0.3 * tall)
      : byLower - (closed >= 0 ? closed * 0.12 * open : 0);
    for (let d = 0; d < 2; d++) moves[3 * point + d] += share * by * opening.across[d];
  };
  const rows = (first, further, shares, isUpper) => {
    for (const [k, row] of [first, ...further].entries()) for (const point of row) move(point, isUpper, shares[k]);
  };
  rows(upper, ABOVE[eye], [1, 0.6, 0.15], true);
  rows(lower, BELOW[eye], [1, 0.5, 0.15], false);
}
