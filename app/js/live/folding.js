// Keeps triangles of a moved mesh from turning over; see rbvae/faces/deforming.py and `unfolded` in turning.py.

import { POINTS, adjacency } from "./model.js";

const THIN = 0.1; // of the median area: smaller triangles may turn over
const ROUNDS = 60;
const SMOOTHINGS = 6;

// Smooths `moves` [468 * 3] in place where a triangle of skin that faces the camera would turn over; `areas` are those
// of `before`, negative if it does.
export function heldBack(model, before, moves, { triangles, area, least }) {
  const turned = (now, old) => old < -least && now > least;
  for (let round = 0; round < ROUNDS; round++) {
    if (!mark(triangles, before, moves, area, turned)) return;
    smooth(model, moves, round < SMOOTHINGS ? 1 : 0.8);
  }
}

// Returns [point, its neighbours] of triangles of cheeks and nose that face away from the camera.
export function facingAway({ coveringTriangles: triangles }, points) {
  const none = new Float64Array(points.length);
  const away = [];
  for (let t = 0; t < triangles.length / 3; t++) {
    if (twice(triangles, t, points, none) > 0) away.push(...triangles.subarray(3 * t, 3 * t + 3));
  }
  return [...adjacency(away).entries()].filter(([, around]) => around.length);
}

// Makes `moves` [468 * 3] alike, in place, in the triangles of `facingAway`.
export function together(away, moves) {
  for (let round = 0; round < SMOOTHINGS; round++) {
    old.set(moves);
    for (const [point, around] of away) {
      for (let d = 0; d < 3; d++) {
        let sum = old[3 * point + d];
        for (const next of around) sum += old[3 * next + d];
        moves[3 * point + d] = sum / (1 + around.length);
      }
    }
  }
}

// Lets a turned outline neither fold nor widen much: smooths `moves` [468 * 3] in place near the oval.
export function unfold(model, before, moves) {
  const { triangles, area, least } = areasOf(model.edgeTriangles, before);
  const strained = (now, old) => Math.abs(old) > least && (now / old < 0.25 || now / old > 2);
  for (let round = 0; round < ROUNDS; round++) {
    if (!mark(triangles, before, moves, area, strained)) return;
    smooth(model, moves, 1);
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

const marked = new Uint8Array(POINTS);

// Marks the corners of the triangles for which `isStrained`, given their area after and before; whether there are any.
function mark(triangles, before, moves, area, isStrained) {
  let found = false;
  for (let t = 0; t < area.length; t++) {
    if (!isStrained(twice(triangles, t, before, moves), area[t])) continue;
    if (!found) marked.fill(0);
    found = true;
    for (let k = 0; k < 3; k++) marked[triangles[3 * t + k]] = 1;
  }
  return found;
}

function twice(triangles, t, points, moves) {
  const a = 3 * triangles[3 * t];
  const b = 3 * triangles[3 * t + 1];
  const c = 3 * triangles[3 * t + 2];
  const x = points[a] + moves[a];
  const y = points[a + 1] + moves[a + 1];
  return (points[b] + moves[b] - x) * (points[c + 1] + moves[c + 1] - y)
    - (points[b + 1] + moves[b + 1] - y) * (points[c] + moves[c] - x);
}

const old = new Float64Array(3 * POINTS);

// Moves the neighbours of the marked points half the way to the mean of their own neighbours, times `factor`.
function smooth({ neighbours }, moves, factor) {
  old.set(moves);
  for (let point = 0; point < POINTS; point++) {
    const around = neighbours[point];
    let isNext = false;
    for (let k = 0; k < around.length && !isNext; k++) isNext = marked[around[k]] === 1;
    if (!isNext) continue;
    for (let d = 0; d < 3; d++) {
      let sum = 0;
      for (let k = 0; k < around.length; k++) sum += old[3 * around[k] + d];
      moves[3 * point + d] = ((old[3 * point + d] + sum / around.length) / 2) * factor;
    }
  }
}
