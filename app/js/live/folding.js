// Keeps triangles of a moved mesh from turning over; see rbvae/faces/deforming.py and `unfolded` in turning.py.

import { POINTS } from "./model.js";

const THIN = 0.1; // of the median area: smaller triangles may turn over
const ROUNDS = 60;
const SMOOTHINGS = 6;

// Smooths `moves` [468 * 3] in place where a triangle of skin would turn over.
export function heldBack(model, before, moves, areas) {
  const { triangles, area, least } = areas;
  for (let round = 0; round < ROUNDS; round++) {
    const turned = strained(triangles, before, moves, (now, t) => {
      return now * area[t] < 0 && Math.abs(area[t]) > least && Math.abs(now) > least;
    });
    if (!turned.size) return;
    smooth(model, turned, moves, round < SMOOTHINGS ? 1 : 0.8);
  }
}

// Lets a turned outline neither fold nor widen much: smooths `moves` [468 * 3] in place near the oval.
export function unfold(model, before, moves) {
  const { triangles, area, least } = areasOf(model.edgeTriangles, before);
  for (let round = 0; round < ROUNDS; round++) {
    const found = strained(triangles, before, moves, (now, t) => {
      const share = now / area[t];
      return Math.abs(area[t]) > least && (share < 0.25 || share > 2);
    });
    if (!found.size) return;
    smooth(model, found, moves, 1);
  }
}

// Returns twice the signed areas of triangles, and the area below which they are thin.
export function areasOf(triangles, points) {
  const area = new Float64Array(triangles.length / 3);
  const none = new Float64Array(points.length);
  for (let t = 0; t < area.length; t++) area[t] = twice(triangles, t, points, none);
  const sorted = area.map(Math.abs).sort();
  return { triangles, area, least: (THIN * (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1])) / 2 };
}

function strained(triangles, before, moves, isStrained) {
  const points = new Set();
  for (let t = 0; 3 * t < triangles.length; t++) {
    if (!isStrained(twice(triangles, t, before, moves), t)) continue;
    for (let k = 0; k < 3; k++) points.add(triangles[3 * t + k]);
  }
  return points;
}

function twice(triangles, t, points, moves) {
  const [a, b, c] = [3 * triangles[3 * t], 3 * triangles[3 * t + 1], 3 * triangles[3 * t + 2]];
  const [x, y] = [points[a] + moves[a], points[a + 1] + moves[a + 1]];
  const [ux, uy] = [points[b] + moves[b] - x, points[b + 1] + moves[b + 1] - y];
  const [vx, vy] = [points[c] + moves[c] - x, points[c + 1] + moves[c + 1] - y];
  return ux * vy - uy * vx;
}

// Moves the neighbours of some points half the way to the mean of their own neighbours, times `factor`.
function smooth({ neighbours }, points, moves, factor) {
  const corners = new Set();
  for (const point of points) for (const other of neighbours[point]) corners.add(other);
  const old = moves.slice(0, 3 * POINTS);
  for (const point of corners) {
    const around = neighbours[point];
    for (let d = 0; d < 3; d++) {
      let sum = 0;
      for (const other of around) sum += old[3 * other + d];
      moves[3 * point + d] = ((old[3 * point + d] + sum / around.length) / 2) * factor;
    }
  }
}
