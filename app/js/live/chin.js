// Skin below the lower lip, which a jaw that drops compresses evenly; see rbvae/faces/chin.py.

import { ramp } from "./opening.js";

// Moves skin that `moves` [468 * 3] of `points` press thin in between lip and chin, in place.
export function spread(points, moves, { LIP, BELOW, CHIN, COMPRESSED }) {
  const distance = (a, b, of) => Math.hypot(...[0, 1].map((d) => of(3 * a + d) - of(3 * b + d)));
  const at = (i) => points[i];
  LIP.forEach((lip, k) => {
    const [below, chin] = [BELOW[k], CHIN[k]];
    const [toLip, toChin] = [lip, chin].map((other) => Math.max(distance(below, other, at), 1e-6));
    const share = ramp(distance(below, lip, (i) => points[i] + moves[i]) / toLip, ...COMPRESSED);
    for (let d = 0; d < 3; d++) {
      const [a, b, c] = [lip, below, chin].map((point) => moves[3 * point + d]);
      moves[3 * below + d] += share * (c + (toChin / (toLip + toChin)) * (a - c) - b);
    }
  });
}
