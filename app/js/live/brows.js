// How far brows rise; see rbvae/faces/brows.py.

import { POINTS } from "./model.js";
import { interpolated } from "./opening.js";

// Limits the rise of brows that `moves` [468 * 3] predict, in place. `weights` [468] say how far points move with them.
export function raise(points, moves, weights, { LOWER_EDGES, UPPER_LIDS, RISE: [at, value] }) {
  const mean = (row, of) => row.reduce((sum, point) => sum + of(point), 0) / row.length;
  const between = (of) => mean(LOWER_EDGES, of) - mean(UPPER_LIDS, of);
  const [distance, rise] = [points, moves].map((xyz) => [0, 1].map((d) => between((point) => xyz[3 * point + d])));
  const squared = Math.max(distance[0] ** 2 + distance[1] ** 2, 1e-6);
  const predicted = (rise[0] * distance[0] + rise[1] * distance[1]) / squared;
  if (predicted <= at[0]) return;
  const by = (interpolated(predicted, { at, value }) - predicted) / between((point) => weights[point]);
  for (let i = 0; i < POINTS; i++) {
    for (let d = 0; d < 2; d++) moves[3 * i + d] += by * weights[i] * distance[d];
  }
}
