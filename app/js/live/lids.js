// Moves of lids and irises; see rbvae/faces/gaze.py, and still_lids and natural_lids in rbvae/faces/eyes.py.

import { POINTS } from "./model.js";
import { Opening, clamp, interpolated, ramp } from "./opening.js";

const IRISES = [468, 473]; // centres; four points of the rim follow each

export class Lids {
  constructor({ lines, constants }) {
    Object.assign(this, { lids: lines.lids, gaze: constants.gaze, eyes: constants.eyes });
    this.closing = new Float64Array(3 * POINTS);
  }

  // Changes predicted `moves` [468 * 3] in place: eyes that are closed in the photo stay so, others move as real ones do.
  natural(points, moves) {
    this.lids.forEach((lines) => this._still(points, moves, lines));
    const [predicted, drawn] = this.eyes.CLOSING;
    this.lids.forEach((lines, eye) => {
      const before = openness(points, lines, this.gaze);
      const after = openness(points, lines, this.gaze, moves);
      const closed = 1 - after / Math.max(before, 1e-6);
      const by = interpolated(closed, { at: predicted, value: drawn }) - closed;
      if (before <= this.gaze.SHUT || Math.abs(by) < 1e-9) return;
      this.closing.fill(0);
      this.move(points, eye, 1, [0, 0], this.closing);
      for (let i = 0; i < moves.length; i++) moves[i] += by * this.closing[i];
    });
  }

  // Takes the opening of an eye that is closed in the photo out of `moves`, in place.
  _still(points, moves, lines) {
    const closed = 1 - ramp(openness(points, lines, this.gaze), ...this.eyes.CLOSED);
    if (!closed) return;
    const ends = [3 * lines[0][0], 3 * lines[0][lines[0].length - 1]];
    const corners = [0, 1, 2].map((d) => (moves[ends[0] + d] + moves[ends[1] + d]) / 2);
    for (const point of new Set(lines.flat())) {
      for (let d = 0; d < 3; d++) moves[3 * point + d] += closed * (corners[d] - moves[3 * point + d]);
    }
  }

  // The displacement of an iris for a gaze in -1..1 to the right and up.
  look(points, eye, right, up) {
    const { SHUT, KEEP, ASIDE, UP } = this.gaze;
    const opening = new Opening(points, this.lids[eye]);
    if (opening.openness(this.gaze.MIDDLE) < SHUT) return [0, 0];
    const centre = IRISES[eye];
    const at = (point) => [points[3 * point], points[3 * point + 1]];
    const [x, y] = at(centre);
    const rim = [1, 2, 3, 4].map((k) => at(centre + k));
    const radius = rim.reduce((sum, [u, v]) => sum + Math.hypot(u - x, v - y), 0) / 4;
    const [place] = opening.coordinates(x, y).map((s) => s * opening.width);
    const [low, high] = [KEEP * radius, Math.max(KEEP * radius, opening.width - KEEP * radius)];
    const aside = Math.min(Math.max(right * ASIDE * radius, Math.min(0, low - place)), Math.max(0, high - place));
    return [0, 1].map((d) => aside * opening.along[d] - up * UP * radius * opening.across[d]);
  }

  // Adds to `moves` [468 * 3] those that close an eye's lids by `closed` in -1..1 and let them follow the gaze.
  move(points, eye, closed, gaze, moves) {
    const { SHUT, MIDDLE, MEET, WIDE, LIDS_FOLLOW, ABOVE, BELOW, FOLLOW_ABOVE, FOLLOW_BELOW } = this.gaze;
    const [upper, lower] = this.lids[eye];
    const opening = new Opening(points, [upper, lower]);
    if (opening.openness(MIDDLE) < SHUT && closed <= 0) return;
    const down = gaze[0] * opening.across[0] + gaze[1] * opening.across[1];
    const height = (point) => {
      const [s] = opening.coordinates(points[3 * point], points[3 * point + 1]);
      const [above, below] = opening.lines(s);
      return Math.max(below - above, 0);
    };
    const highest = Math.max(...upper.map(height), 1e-6);
    const move = (point, isUpper, share) => {
      const tall = height(point);
      const [byUpper, byLower] = LIDS_FOLLOW.map((follow) => follow * down * clamp(tall / highest, 0, 1));
      const open = tall + byLower - byUpper;
      const by = isUpper
        ? byUpper + (closed >= 0 ? closed * MEET * open : closed * WIDE * tall)
        : byLower - (closed >= 0 ? closed * (1 - MEET) * open : 0);
      for (let d = 0; d < 2; d++) moves[3 * point + d] += share * by * opening.across[d];
    };
    const rows = (first, further, shares, isUpper) => {
      for (const [k, row] of [first, ...further].entries()) for (const point of row) move(point, isUpper, shares[k]);
    };
    rows(upper, ABOVE[eye], [1, ...FOLLOW_ABOVE], true);
    rows(lower, BELOW[eye], [1, ...FOLLOW_BELOW], false);
  }
}

const openness = (points, lines, { MIDDLE }, moves = null) => new Opening(points, lines, moves).openness(MIDDLE);
