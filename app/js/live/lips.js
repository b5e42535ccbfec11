// How far the lips of an edit close or part, and from where they are drawn; see rbvae/faces/lips.py.
//
// `constants` are those of rbvae/faces/lips.py, by name.

import { Opening, clamp, ramp, smoothstep } from "./opening.js";

// How much of a mouth's inside an edit draws anew, in [0, 1].
export function changed(old, now, { FULL, FULL_WIDTH, CLOSED, SHOWN }) {
  const wider = Math.abs(now.width / Math.max(old.width, 1e-6) - 1) / FULL_WIDTH;
  const byWidth = wider * ramp(Math.min(old.gap, now.gap), CLOSED, SHOWN);
  return clamp(Math.max(Math.abs(now.gap - old.gap) / FULL, byWidth), 0, 1);
}

// How far the lips of an edit close: 1 if they cross or leave a slit, below 0 if they are further apart.
export function parting(old, now, { SHOWN, PARTING, PARTED }) {
  if (now.gap <= 0) return now.gap < 0 ? 1 : 0;
  const apart = smoothstep(ramp(now.gap, ...PARTING));
  if (old.gap > SHOWN) return now.gap < old.gap ? 1 - (apart * Math.max(now.gap, Math.min(PARTED, old.gap))) / now.gap : 0;
  return clamp((now.gap - old.gap) / PARTING[0], 0, 1) * (1 - (apart * Math.max(now.gap, PARTED)) / now.gap);
}

// Which of `points` [468 * 3] lie above the middle of the mouth, or belong to the line of the upper lip.
export function above(points, { innerLips }) {
  const mouth = new Opening(points, innerLips);
  const result = new Uint8Array(points.length / 3).map((_, i) => {
    const [s, across] = mouth.coordinates(points[3 * i], points[3 * i + 1]);
    const [upper, lower] = mouth.lines(s);
    return across < (upper + lower) / 2;
  });
  innerLips.forEach((line, row) => line.slice(1, -1).forEach((i) => (result[i] = row === 0)));
  return result;
}

// Moves `points` [468 * 3] in place to closed lips, by `share` of the way; away from them if it is below 0. `isAbove`
// tells the points of the upper lip from those of the lower, as `above` does before the edit; `old` is the mouth before.
export function shut(points, share, isAbove, old, { innerLips, outerLips }, { MIDDLE, REACH, CLOSED }) {
  const [mouth, lips] = [new Opening(points, innerLips), new Opening(points, outerLips)];
  const thickness = (k) => {
    const all = MIDDLE.map((s) => Math.abs(lips.lines(s)[k] - mouth.lines(s)[k]));
    return Math.max(all.sort((a, b) => a - b)[all.length >> 1], 1e-6);
  };
  const [thickAbove, thickBelow] = [thickness(0), thickness(1)];
  for (let i = 0; i < points.length; i += 3) {
    const [s, across] = mouth.coordinates(points[i], points[i + 1]);
    if (s <= 0 || s >= 1) continue;
    const [upper, lower] = mouth.lines(s);
    const [ownUpper, ownLower] = old.lines(s);
    const kept = old.gap < CLOSED ? ((ownLower - ownUpper) * mouth.width) / Math.max(old.width, 1e-6) : 0;
    const distance = isAbove[i / 3] ? (upper - across) / thickAbove : (across - lower) / thickBelow;
    const follow = smoothstep(1 - clamp((distance - 1) / REACH, 0, 1));
    const by = ((share * (isAbove[i / 3] ? 1 : -1) * (lower - upper - kept)) / 2) * follow;
    points[i] += by * mouth.across[0];
    points[i + 1] += by * mouth.across[1];
  }
}

// Moves `points` [468 * 3] of closed lips in place, by `share` of the way, to where they are at rest; `before` are the
// landmarks before the edit. The neutral faces of references still smile a little.
export function relax(points, share, before, isAbove, { innerLips, outerLips }, constants) {
  const { CORNERS_SINK, LINE_RISES, LIP_THICKENS, MOVED, AROUND } = constants;
  const [mouth, lips] = [new Opening(points, innerLips), new Opening(points, outerLips)];
  const { width } = lips;
  const corners = [outerLips[0][0], outerLips[0][outerLips[0].length - 1]];
  const moved = corners.map((i) => Math.hypot(points[3 * i] - before[3 * i], points[3 * i + 1] - before[3 * i + 1]));
  const most = share * Math.min((moved[0] + moved[1]) / (2 * width * MOVED), 1) * width;
  const near = (far) => smoothstep(1 - clamp(far / AROUND, 0, 1));
  for (let i = 0; i < points.length; i += 3) {
    const [s, across] = lips.coordinates(points[i], points[i + 1]);
    const [top, bottom] = lips.lines(s);
    const [along, fromAxis] = mouth.coordinates(points[i], points[i + 1]);
    const [upper, lower] = mouth.lines(along);
    const side = isAbove[i / 3] ? -1 : 1;
    const beyond = (side < 0 ? top - across : across - bottom) / width;
    const fromLine = (side * (fromAxis - (upper + lower) / 2)) / width;
    const onLip = clamp(fromLine / Math.max(fromLine - beyond, 1e-3), 0, 1);
    const rise = side < 0 ? LINE_RISES + LIP_THICKENS * onLip : LINE_RISES * (1 - onLip);
    const ends = clamp(2 * Math.abs(s - 0.5), 0, 1) ** 2;
    const by = most * near(beyond) * near(Math.abs(s - 0.5) - 0.5) * (CORNERS_SINK * ends - rise * (1 - ends));
    points[i] += by * lips.across[0];
    points[i + 1] += by * lips.across[1];
  }
}

// Returns the landmarks from which lips are drawn: `edges` [2][K] say where they begin, in shares of their thickness.
// What shows teeth or shadow is left out, and the rest is stretched.
export function inset(points, edges, old, now, { innerLips, outerLips, lipRows }, constants) {
  const [amount, least] = [changed(old, now, constants), now.gap > old.gap ? constants.INSET : constants.INSET_CLOSING];
  const result = points.slice();
  const axes = [0, 1, 2];
  innerLips.forEach((inner, side) => {
    for (let k = 1; k < inner.length - 1; k++) {
      const [from, to] = [3 * inner[k], 3 * outerLips[side][k]];
      const lip = axes.map((d) => points[to + d] - points[from + d]);
      const length = Math.max(lip.reduce((sum, value) => sum + value * value, 0), 1e-9);
      const by = amount * Math.max(edges[side][k - 1], least);
      for (const row of [inner, ...lipRows[side]]) {
        const at = 3 * row[k];
        const along = axes.reduce((sum, d) => sum + (points[at + d] - points[from + d]) * lip[d], 0) / length;
        axes.forEach((d) => (result[at + d] += by * (1 - clamp(along, 0, 1)) * lip[d]));
      }
    }
  });
  return result;
}
