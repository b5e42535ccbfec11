// How far the lips of an edit close or part, and from where they are drawn; see rbvae/faces/lips.py.

import { Opening, clamp, smoothstep } from "./opening.js";

export const SHOWN = 0.06; // gap above which a mouth shows its inside

// How much of a mouth's inside an edit draws anew, in [0, 1].
export const changed = (old, now) => clamp(Math.abs(now.gap - old.gap) / 0.05, 0, 1);

// How far the lips of an edit close, in [0, 1]: fully if closed lips would part by a slit.
export function parting(old, now) {
  if (old.gap > SHOWN || now.gap <= old.gap) return 0;
  const t = clamp((now.gap - 0.03) / 0.05, 0, 1);
  return (1 - smoothstep(t)) * clamp((now.gap - old.gap) / 0.03, 0, 1);
}

// Moves `points` [468 * 3] in place to closed lips, by `share` of the way.
export function shut(points, share, { innerLips, outerLips }) {
  const [mouth, lips] = [new Opening(points, innerLips), new Opening(points, outerLips)];
  const thickness = (k) => {
    const all = [0.3, 0.4, 0.5, 0.6, 0.7].map((s) => Math.abs(lips.lines(s)[k] - mouth.lines(s)[k]));
    return Math.max(all.sort((a, b) => a - b)[2], 1e-6);
  };
  const [above, below] = [thickness(0), thickness(1)];
  for (let i = 0; i < points.length; i += 3) {
    const [s, across] = mouth.coordinates(points[i], points[i + 1]);
    if (s <= 0 || s >= 1) continue;
    const [upper, lower] = mouth.lines(s);
    const isAbove = across < (upper + lower) / 2;
    const distance = isAbove ? (upper - across) / above : (across - lower) / below;
    const follow = smoothstep(1 - clamp((distance - 1) / 2.5, 0, 1));
    const by = ((share * (isAbove ? 1 : -1) * (lower - upper)) / 2) * follow;
    points[i] += by * mouth.across[0];
    points[i + 1] += by * mouth.across[1];
  }
}

// Returns the landmarks from which lips are drawn: the edges of lips show teeth or shadow and are left out.
export function inset(points, old, now, { innerLips, outerLips }) {
  const by = changed(old, now) * (now.gap > old.gap ? 0.16 : 0.35);
  const result = points.slice();
  innerLips.forEach((inner, row) => {
    for (let k = 1; k < inner.length - 1; k++) {
      const [a, b] = [3 * inner[k], 3 * outerLips[row][k]];
      for (let d = 0; d < 3; d++) result[a + d] += by * (points[b + d] - points[a + d]);
    }
  });
  return result;
}
