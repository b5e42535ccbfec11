// From an edit of a face to all that a rasteriser needs for one picture of it: a frame.
//
// A frame has, in pixels of the portrait's file:
//   nothing    whether the photo stays as it is
//   vertices   [504 * 5] for the face's points and the ring: place x, y and depth, and the place in the photo
//   added      what to add to the photo in the canonical frame, see Shading.apply; null for nothing
//   lines      RGBA float [4 * CELLS * 4], rows of samples: the lines of mouth, left eye and right eye before (red,
//              green) and after (blue, alpha) the edit, and the upper lip in the picture of the teeth, or both in a
//              donor's (red, green), with the depths of the lines of closed eyes (blue, alpha)
//   lifts [2]  how far the lids of each eye are lifted off the photo
//   mouth, eyes [2], lashes [2]   what to draw on top, each null if nothing
//   turn       vertices [756 * 5] of the turned head, or null

import { raise } from "./brows.js";
import { spread } from "./chin.js";
import { heldBack, together } from "./folding.js";
import { Lids } from "./lids.js";
import { above, inset, parting, relax, shut } from "./lips.js";
import { POINTS } from "./model.js";
import { mouthFrame } from "./mouth.js";
import { CELLS, DEPTHS, Opening, clamp, ramp, sampled, smoothstep } from "./opening.js";
import { combine } from "./sums.js";
import { turnOf, turnedMesh } from "./turning.js";

const LEAST = 1e-4; // pixels or grey levels: an edit below this changes nothing
const LIMITS = { turn_right: 12, turn_up: 12, tilt_right: 12 };
const GESTURES = ["close_eyes", "wink_left", "wink_right", "gaze_right", "gaze_up", ...Object.keys(LIMITS)];
const NO_GESTURE = Object.fromEntries(GESTURES.map((name) => [name, 0]));

export class Expression {
  constructor(portrait) {
    this.portrait = portrait;
    const { model } = portrait;
    this.lids = new Lids(model);
    this.coefficients = new Float32Array(model.count);
    this.shapeCoefficients = new Float32Array(model.shapeCount);
    this.shape = new Float32Array(3 * POINTS);
    this.points = new Float64Array(portrait.points.length); // with the moves of e, and `after` with all moves
    this.after = new Float64Array(3 * POINTS);
    this.vertices = new Float32Array(5 * (POINTS + model.lines.oval.length));
    this.lines = new Float32Array(4 * CELLS * 4);
  }

  // The e [D_e] of an edit, and its gesture by name.
  resolved(edit) {
    const { model, e: own, neutralE } = this.portrait;
    const e = Float32Array.from(edit.e ?? own);
    const gesture = { ...NO_GESTURE };
    for (let i = 0; edit.neutral && i < e.length; i++) e[i] += edit.neutral * (neutralE[i] - own[i]);
    for (const [name, value] of Object.entries({ ...edit.named, ...edit.gesture })) {
      const plain = name.replaceAll(" ", "_");
      const direction = model.directions.get(name);
      if (plain in gesture) gesture[plain] = clamp(Number(value) || 0, -(LIMITS[plain] ?? 1), LIMITS[plain] ?? 1);
      else if (direction) for (let i = 0; i < e.length; i++) e[i] += value * direction.sigma * direction.vector[i];
    }
    return { e, gesture };
  }

  frame(edit) {
    const { portrait } = this;
    const { model, before } = portrait;
    const { e, gesture } = this.resolved(edit);
    const weights = model.partWeights(edit.parts ?? []);
    const moves = this._moves(e, weights, edit.closing);
    const added = this._added(e, weights);
    const gaze = this._gesture(gesture, moves);
    const nothing = !added && gaze.every(tiny) && tiny(moves);
    const turns = gesture.turn_right || gesture.turn_up || gesture.tilt_right;
    if (nothing && !turns) return { nothing: true };
    const turn = turns ? this._turned(moves, gesture) : null; // of moves that are not held back
    together(portrait.away, moves);
    heldBack(model, before, moves, portrait.areas);
    const after = sumOf(before, moves, this.after);
    const now = new Opening(after, model.lines.innerLips);
    const lids = model.lines.lids.map((lines) => new Opening(after, lines));
    this._place(after, inset(before, portrait.mouth.lipEdges, portrait.lips, now, model.lines, model.constants.lips));
    this._lines(now, lids);
    const { eyes, lashes, lifts } = this._eyes(lids, gaze);
    const frame = { nothing, vertices: this.vertices, added, lines: this.lines, eyes, lashes, lifts };
    const { NOSE } = model.constants.own_mouth;
    const donor = portrait.mouths.get(edit.mouth) ?? null;
    frame.mouth = mouthFrame(portrait, now, [middleOf(NOSE, before), middleOf(NOSE, after)], this.lines, donor);
    frame.turn = turn;
    return frame;
  }

  _turned(moves, gesture) {
    const { model, before, rotation } = this.portrait;
    const points = sumOf(before, moves, this.after);
    return turnedMesh(model, points, turnOf(points, rotation, gesture));
  }

  // The moves of the landmarks [468 * 3] by a change of e; `closingGiven` in 0..1 closes the lips, in place of the way
  // to the neutral e.
  _moves(e, weights, closingGiven = null) {
    const { model, before, rotation, poseScale, glasses, arrays } = this.portrait;
    const { byShape, e: own, neutralE } = arrays;
    const moves = new Float64Array(3 * POINTS);
    if (same(e, own)) return moves;
    const { innerLips } = model.lines;
    const all = innerLips.flat();
    const onMouth = weights ? all.reduce((sum, point) => sum + weights.points[point], 0) / all.length : 1;
    const byNeutral = (closingGiven ?? towards(e, own, neutralE)) * onMouth;
    const { face_model: { EXPRESSED }, lips } = model.constants;
    const gain = EXPRESSED + byNeutral * (1 - EXPRESSED); // not on the way to the neutral face
    times(byShape, e, own, this.shapeCoefficients);
    combine(this.shapeCoefficients, model.shapes, this.shape);
    for (let i = 0; i < 3 * POINTS; i += 3) {
      const weight = (gain * (weights ? weights.points[i / 3] : 1)) / poseScale;
      for (let d = 0; d < 3; d++) {
        const row = rotation[d];
        moves[i + d] = weight * (this.shape[i] * row[0] + this.shape[i + 1] * row[1] + this.shape[i + 2] * row[2]);
      }
    }
    const after = sumOf(before, moves, this.after);
    const closing = byNeutral || parting(this.portrait.lips, new Opening(after, innerLips), lips);
    if (closing) {
      this.isAbove ??= above(before, model.lines);
      shut(after, closing, this.isAbove, this.portrait.lips, model.lines, lips);
      if (byNeutral) relax(after, byNeutral, before, this.isAbove, model.lines, lips);
      for (let i = 0; i < moves.length; i++) moves[i] = after[i] - before[i];
    }
    this.lids.natural(before, moves);
    raise(before, moves, model.partWeights(["brows"]).points, model.constants.brows);
    spread(before, moves, model.constants.chin);
    if (glasses) keepFrames(moves, glasses, model);
    return moves;
  }

  // What to add to the texture, null for nothing.
  _added(e, weights) {
    const { arrays, shading } = this.portrait;
    if (same(e, arrays.e)) return null;
    times(arrays.byTexture, e, arrays.e, this.coefficients);
    return shading.apply(this.coefficients, weights?.texels);
  }

  // Adds the moves of a gesture; returns the displacements of both irises.
  _gesture(gesture, moves) {
    const { points: all, model } = this.portrait;
    const { points } = this;
    points.set(all);
    for (let i = 0; i < moves.length; i++) points[i] += moves[i];
    return model.lines.lids.map((_, eye) => {
      const gaze = this.lids.look(points, eye, gesture.gaze_right, gesture.gaze_up);
      const closed = clamp(gesture.close_eyes + (eye ? gesture.wink_right : gesture.wink_left), -1, 1);
      if (closed || gaze[0] || gaze[1]) this.lids.move(points, eye, closed, gaze, moves);
      return gaze;
    });
  }

  _place(after, source) {
    const { vertices } = this;
    const { ring } = this.portrait;
    for (let i = 0; i < POINTS; i++) {
      for (let d = 0; d < 3; d++) vertices[5 * i + d] = after[3 * i + d];
      for (let d = 0; d < 2; d++) vertices[5 * i + 3 + d] = source[3 * i + d];
    }
    for (let k = 0; 3 * k < ring.length; k++) {
      const at = 5 * (POINTS + k);
      for (let d = 0; d < 3; d++) vertices[at + d] = ring[3 * k + d];
      for (let d = 0; d < 2; d++) vertices[at + 3 + d] = ring[3 * k + d];
    }
  }

  _lines(now, lids) {
    const { lips, openings, eyes } = this.portrait;
    [[lips, now], ...openings.map((old, eye) => [old, lids[eye]])].forEach(([old, after], number) => {
      const row = this.lines.subarray(4 * CELLS * number, 4 * CELLS * (number + 1));
      old.write(row, 0);
      after.write(row, 2);
    });
    const depths = this.lines.subarray(4 * CELLS * DEPTHS.row);
    eyes.forEach((eye, number) => eye && sampled(depths, 2 + number, eye.depth, DEPTHS.from, DEPTHS.to));
  }

  _eyes(lids, gaze) {
    const { eyes: { SOFT, FIRM }, gaze: { SHUT, MIDDLE }, eyeball, lashes } = this.portrait.model.constants;
    const { AROUND } = this.portrait.model.constants.closed_lid;
    const { eyesFollow } = this.portrait;
    const result = { eyes: [null, null], lashes: [null, null], lifts: [0, 0] };
    lids.forEach((now, eye) => {
      const [old, openness] = [this.portrait.openings[eye], this.portrait.openness[eye]];
      const layers = this.portrait.eyes[eye];
      if (openness <= SHUT || !layers) return;
      const left = now.openness(MIDDLE);
      const closed = 1 - left / openness;
      const aside = Math.hypot(...gaze[eye]);
      if (Math.abs(closed) > eyesFollow || aside) {
        const share = Math.min(1, Math.max(0, Math.abs(closed) - eyesFollow) / SOFT + aside / (FIRM * layers.iris[2]));
        const lowered = this._lowered(layers, old, now);
        const shine = gaze[eye].map((value, d) => eyeball.REFLECTION * value + lowered * old.across[d]);
        result.eyes[eye] = { old, now, gaze: gaze[eye], shine, share, blur: Math.max(0.5, 0.02 * now.width) };
      }
      const lift = smoothstep(ramp(closed, ...lashes.CLOSING)) * ramp(openness, ...lashes.OPEN);
      if (!lift) return;
      result.lifts[eye] = lift;
      const thick = Math.max(lashes.BLUR, lashes.LINE * now.width, this.portrait.blur);
      const hidden = ramp(left, ...lashes.AJAR);
      result.lashes[eye] = { old, now, share: lift, thick, hidden, box: now.box(AROUND * now.width) };
    });
    return result;
  }

  // How far reflections move down, to stay in sight below a lid that comes down; see lowered_highlight in eyes.py.
  _lowered({ highlight, iris }, old, now) {
    if (!highlight) return 0;
    const { EDGE, LOWERED } = this.portrait.model.constants.eyes;
    const [x, y, half] = highlight;
    const [s, across] = old.coordinates(x, y);
    const [upper, lower] = now.lines(s).map((line) => (line * old.width) / now.width);
    const needed = upper + EDGE * (lower - upper) + half - across;
    const room = LOWERED * iris[2] * clamp((lower - upper) / (3 * half) - 1, 0, 1);
    return Math.min(Math.max(0, needed), room);
  }
}

// Lets the skin below glasses keep still, in place; see rbvae/faces/glasses.py.
function keepFrames(moves, share, { belowGlasses, aroundEyes, lines }) {
  const corners = lines.lids.map(([upper]) =>
    [0, 1, 2].map((d) => (moves[3 * upper[0] + d] + moves[3 * upper.at(-1) + d]) / 2));
  for (let i = 0; i < moves.length; i++) {
    const point = Math.floor(i / 3);
    const eye = corners[aroundEyes[point] - 1];
    moves[i] = (moves[i] - (eye ? share * eye[i % 3] : 0)) * (1 - share * belowGlasses[point]);
  }
}

function middleOf(some, points) {
  return [0, 1].map((d) => some.reduce((sum, point) => sum + points[3 * point + d], 0) / some.length);
}

function sumOf(a, b, out) {
  for (let i = 0; i < out.length; i++) out[i] = a[i] + b[i];
  return out;
}

const tiny = (values) => values.every((value) => Math.abs(value) < LEAST);

const same = (a, b) => a.every((value, i) => value === b[i]);

// Writes matrix [K, D] times (a - b) [D] to `out` [K].
function times(matrix, a, b, out) {
  for (let k = 0; k < out.length; k++) {
    let sum = 0;
    for (let d = 0; d < a.length; d++) sum += matrix[k * a.length + d] * (a[d] - b[d]);
    out[k] = sum;
  }
}

// How far e lies on the line from a face's own e to its neutral one, in [0, 1]: there, the lips close.
function towards(e, own, neutral) {
  let [length, along] = [0, 0];
  for (let i = 0; i < e.length; i++) {
    length += (neutral[i] - own[i]) ** 2;
    along += (neutral[i] - own[i]) * (e[i] - own[i]);
  }
  const share = along / (length || 1);
  let aside = 0;
  for (let i = 0; i < e.length; i++) aside += (e[i] - own[i] - share * (neutral[i] - own[i])) ** 2;
  return Math.sqrt(aside) < 0.05 * Math.sqrt(length || 1) * share ? clamp(share, 0, 1) : 0;
}
