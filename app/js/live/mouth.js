// The inside of the mouth of an edit: numbers for the rasterisers; see rbvae/faces/mouth.py and teeth.py.

import { SHOWN, changed } from "./lips.js";
import { CELLS, Opening, clamp, sampled } from "./opening.js";

const TEETH_ROW = 3; // of the lines of a frame

// Returns what to draw between the lips `now`, null if nothing. `noses` are the base of the nose before and after;
// `donor` is a mouth of portrait.js, or null for teeth of the bank.
export function mouthFrame(portrait, now, [before, after], lines, donor) {
  const [old, share] = [portrait.lips, changed(portrait.lips, now)];
  if (!share) return null;
  const isOpen = old.gap > SHOWN;
  const { showsTeeth, between, brightness } = portrait.mouth;
  const soft = Math.max(0.6, 0.006 * now.width, portrait.blur);
  const wider = (now.gap * now.width) / Math.max(old.gap * old.width, 1e-6);
  const kept = !isOpen ? 0 : showsTeeth ? 1 : 1 - clamp((now.gap - old.gap) / 0.08, 0, 1);
  const apart = clamp((now.gap - 0.015) / 0.025, 0, 1);
  const [left, , right] = portrait.box();
  const width = (right - left) / portrait.scale;
  return {
    old, now, share, soft, between, apart, kept, wider, brightness,
    gap: now.gap,
    shift: [after[0] - before[0], after[1] - before[1]],
    opens: clamp((wider - 1) / 0.1, 0, 1),
    line: isOpen ? share * (1 - apart) : 0,
    lineWidth: Math.max(0.012 * now.width, soft, width / 250),
    margin: 4 * soft + 2,
    teeth: kept < 1 && !donor ? teethFrame(portrait, now, after, lines) : null,
    donor: kept < 1 && donor ? donorFrame(donor, now, lines) : null,
  };
}

function teethFrame(portrait, now, nose, lines) {
  const { teeth, arrays } = portrait;
  const [, width] = arrays.teeth.shape;
  const row = lines.subarray(4 * CELLS * TEETH_ROW);
  const [at, value] = [0, 1].map((d) => teeth.upper.map((point) => point[d]));
  sampled(row, 0, { at, value }, 0, width);
  const smiling = clamp((now.width / Math.max(teeth.width, 1e-6) - 1) / 0.12, 0, 1);
  const fitted = 0.85 * smiling * clamp(1 - (now.gap - 0.22) / 0.12, 0, 1);
  const own = at[at.length - 1] - at[0];
  const along = teeth.along + fitted * (own / now.width - teeth.along);
  const [s, across] = now.coordinates(nose[0] + teeth.place[0], nose[1] + teeth.place[1]);
  const [, lowest] = now.lines(s);
  const top = row[4 * Math.round((teeth.edge[0] / width) * (CELLS - 1))];
  const covered = (0.15 * (teeth.edge[1] - top)) / teeth.down;
  return {
    edge: teeth.edge,
    s,
    across: across + fitted * (lowest + covered - across),
    along,
    down: teeth.down,
    gain: teeth.gain,
    brightness: teeth.brightness,
    width,
  };
}

function donorFrame(mouth, now, lines) {
  mouth.opening.write(lines.subarray(4 * CELLS * TEETH_ROW), 0);
  return { ...mouth, wider: now.gap / Math.max(mouth.opening.gap, 1e-6) };
}

// Reads the file of a donor's mouth.
export function donorOf({ about: { upper, lower, gain }, arrays: { picture } }) {
  const points = [...upper, ...lower].flatMap(([x, y]) => [x, y, 0]);
  const numbers = upper.map((_, k) => k);
  const opening = new Opening(points, [numbers, numbers.map((k) => k + upper.length)]);
  const [height, width, channels] = picture.shape;
  return { opening, gain, picture: { data: picture, width, height, channels } };
}
