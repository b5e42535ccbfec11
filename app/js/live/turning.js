// Turning of the head: the mesh turns in space, with rings around its oval; see rbvae/faces/turning.py.

import { unfold } from "./folding.js";
import { POINTS } from "./model.js";
import { clamp, smoothstep } from "./opening.js";

const EARS = [234, 454];
const MOUTH = 13;
const RINGS = 8;
const DEPTH = 1.2;
const LARGE = 12; // degrees
const STIFF = 1.15;
const DEEP = 1.6;
const REACH = [1.6, 2.3];
const EDITED = 1.35; // as RING in portrait.js
export const WIDEST = REACH[1];

// A rotation about a centre for a turn by degrees to the right and up, and a tilt to the right, all in the picture.
export function turnOf(points, rotation, { turn_right: right, turn_up: up, tilt_right: tilt }) {
  const at = (point) => [0, 1, 2].map((d) => points[3 * point + d]);
  const [left, other, mouth] = [...EARS, MOUTH].map(at);
  const ears = left.map((value, d) => (value + other[d]) / 2);
  const length = Math.hypot(...rotation.map((row) => row[1]));
  const down = rotation.map((row) => row[1] / length);
  const by = down.reduce((sum, value, d) => sum + (mouth[d] - ears[d]) * value, 0);
  const centre = ears.map((value, d) => value + by * down[d]);
  const [yaw, pitch, roll] = [DEPTH * right, -DEPTH * up, tilt].map((angle) => (angle * Math.PI) / 180);
  const [cy, sy, cx, sx, cz, sz] = [yaw, pitch, roll].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]);
  const aboutY = [[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]];
  const aboutX = [[1, 0, 0], [0, cx, sx], [0, -sx, cx]];
  const aboutZ = [[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]];
  const turned = [aboutX, aboutY, aboutZ, transposed(rotation)].reduce(product, rotation);
  return { rotation: turned, centre, degrees: Math.hypot(right, up, tilt) };
}

// Returns the mesh of a turn, { vertices, degrees }: for each point its new place and depth, and the place it comes from
// [N * 5]. Points of the rings are numbered from 468.
export function turnedMesh(model, points, turn) {
  const { oval } = model.lines;
  const moves = new Float64Array(3 * POINTS);
  for (let i = 0; i < 3 * POINTS; i += 3) {
    const after = apply(turn, points[i], points[i + 1], points[i + 2]);
    for (let d = 0; d < 3; d++) moves[i + d] = after[d] - points[i + d];
  }
  unfold(model, points, moves);
  const vertices = new Float32Array(5 * (POINTS + RINGS * oval.length));
  for (let i = 0; i < POINTS; i++) {
    const at = 3 * i;
    for (let d = 0; d < 3; d++) vertices[5 * i + d] = points[at + d] + moves[at + d];
    for (let d = 0; d < 2; d++) vertices[5 * i + 3 + d] = points[at + d];
  }
  addRings(vertices, points, moves, turn, oval);
  return { vertices, degrees: turn.degrees };
}

function addRings(vertices, points, moves, turn, oval) {
  const middle = [0, 1, 2].map((d) => oval.reduce((sum, point) => sum + points[3 * point + d], 0) / oval.length);
  const reach = reachOf(turn.degrees);
  for (let number = 0; number < RINGS; number++) {
    const scale = 1 + ((reach - 1) * (number + 1)) / RINGS;
    const back = Math.min(1, (scale - 1) / (DEEP - 1));
    const follow = smoothstep(clamp((reach - scale) / (reach - STIFF), 0, 1));
    for (let k = 0; k < oval.length; k++) {
      const own = points.subarray(3 * oval[k], 3 * oval[k] + 3);
      const x = middle[0] + (own[0] - middle[0]) * scale;
      const y = middle[1] + (own[1] - middle[1]) * scale;
      const ring = [x, y, own[2] + back * (turn.centre[2] - own[2])];
      const turned = apply(turn, ring[0], ring[1], ring[2]);
      const alone = apply(turn, own[0], own[1], own[2]);
      const at = 5 * (POINTS + number * oval.length + k);
      for (let d = 0; d < 3; d++) {
        const pushed = own[d] + moves[3 * oval[k] + d] - alone[d];
        vertices[at + d] = ring[d] + follow * (turned[d] + (1 - back) * pushed - ring[d]);
      }
      vertices[at + 3] = x;
      vertices[at + 4] = y;
    }
  }
}

// How far a turn moves the photo, in sizes of the oval.
const reachOf = (degrees) => REACH[0] + (REACH[1] - REACH[0]) * Math.min(1, degrees / LARGE);

// Returns how many strips of the rings, from the oval on, lie where an edit without a turn moves pixels.
export function stripsWithin(degrees) {
  return Math.min(RINGS, Math.ceil((EDITED - 1) / ((reachOf(degrees) - 1) / RINGS)));
}

// Returns the triangles of the rings, from the outermost inwards.
export function ringTriangles({ oval }) {
  const strips = [];
  let inner = oval;
  for (let number = 0; number < RINGS; number++) {
    const outer = oval.map((_, k) => POINTS + number * oval.length + k);
    const strip = [];
    for (let k = 0; k < oval.length; k++) {
      const next = (k + 1) % oval.length;
      strip.push(inner[k], inner[next], outer[k], inner[next], outer[next], outer[k]);
    }
    strips.unshift(strip);
    inner = outer;
  }
  return Uint16Array.from(strips.flat());
}

function apply({ rotation: [a, b, c], centre }, x, y, z) {
  const u = x - centre[0];
  const v = y - centre[1];
  const w = z - centre[2];
  return [
    centre[0] + u * a[0] + v * b[0] + w * c[0],
    centre[1] + u * a[1] + v * b[1] + w * c[1],
    centre[2] + u * a[2] + v * b[2] + w * c[2],
  ];
}

const transposed = (matrix) => matrix[0].map((_, column) => matrix.map((row) => row[column]));

const product = (a, b) => a.map((row) => b[0].map((_, k) => row.reduce((sum, value, i) => sum + value * b[i][k], 0)));
