// The inside of the mouth of an edit: numbers for the rasterisers; see mouth.py, own_mouth.py and teeth.py of rbvae/faces.

import { changed } from "./lips.js";
import { CELLS, Opening, clamp, ramp, sampled } from "./opening.js";

const TEETH_ROW = 3; // of the lines of a frame

// Returns what to draw between the lips `now`, null if nothing. `noses` are the base of the nose before and after;
// `donor` is a mouth of portrait.js, or null for teeth of the bank.
export function mouthFrame(portrait, now, [before, after], lines, donor) {
  const { lips, mouth, own_mouth: own, teeth } = portrait.model.constants;
  const old = portrait.lips;
  const isOpen = old.gap > lips.SHOWN;
  const { softness, showsTeeth, keepsTeeth, bared, between, bite, lowerTeeth, belowTeeth, light, haze } = portrait.mouth;
  const [keptBelow, keptBeside, keptFilled] = keepsTeeth;
  const broader = now.width / Math.max(old.width, 1e-6);
  const wider = (now.gap / Math.max(old.gap, 1e-6)) * broader;
  const dropped = Math.max(1 - ramp(broader - 1, ...own.NARROW_JAW), ramp((wider - 1) * old.gap, ...own.DROPPED));
  const inProportion = own.TEETH_STRETCHED * broader;
  const inSmile = inProportion + (1 - dropped) * Math.max(0, bared - inProportion);
  const stretched = showsTeeth ? clamp(inSmile, 1, own.MOST_STRETCHED) : own.MOST_STRETCHED;
  const over = showsTeeth ? mouth.SWAPPED : [0, 1];
  const grownBelow = keptBelow || (portrait.teeth.behind && !donor) ? 0 : (now.gap - old.gap) / mouth.REPLACED;
  const grownBeside = (broader - 1) / (keptBeside ? mouth.SPREAD : mouth.REPLACED_WIDER);
  const fills = keptFilled ? 1 - ramp(wider / stretched, ...own.UNFILLED) : 0;
  const replaced = Math.max(
    ramp(Math.max(grownBelow, grownBeside), ...over) * (1 - fills), ramp((broader - 1) / mouth.SPREAD, ...over),
  );
  const kept = !isOpen ? 0 : portrait.teeth.gums && showsTeeth && !donor ? 1 : 1 - replaced;
  const share = Math.max(changed(old, now, lips), isOpen ? 1 - kept : 0);
  if (!share) return null;
  const soft = Math.max(0.6, lips.SOFT * now.width, softness);
  const apart = ramp(now.gap, ...mouth.NARROW);
  const rounder = ramp(now.gap / Math.max(old.gap, 1e-6), ...own.OPENS) * (1 - ramp(old.gap, ...own.LAUGHS));
  const opens = Math.max(ramp(wider, ...own.OPENS), rounder);
  return {
    old, now, share, soft, between, apart, kept, bite, light, haze,
    lower: Number(lowerTeeth),
    gap: now.gap,
    deeper: Math.max(1, wider / stretched),
    narrower: Math.min(1, broader),
    shift: [after[0] - before[0], after[1] - before[1]],
    opens,
    parts: bite ? opens * dropped : 0,
    edged: belowTeeth * opens * dropped,
    shadows: [
      own.CORNER_SHADOW * ramp(1 - broader, 0, own.NARROWER),
      own.LIP_SHADOWED * teeth.LIP_SHADOW * ramp(1 - wider, 0, own.LOWER),
    ],
    line: isOpen ? share * (1 - apart) : 0,
    lineWidth: Math.max(lips.SEAM_WIDTH * now.width, soft),
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
  const { SMILE_GAPS, WIDER, MOST_FITTED, WIDEST, CORRIDOR, COVERED } = portrait.model.constants.teeth;
  const smiling = clamp((now.width / Math.max(teeth.width, 1e-6) - 1) / WIDER, 0, 1);
  const fitted = teeth.gums ? 0 : MOST_FITTED * smiling * clamp(1 - (now.gap - SMILE_GAPS[0]) / SMILE_GAPS[1], 0, 1);
  const [s, across] = now.coordinates(nose[0] + teeth.place[0], nose[1] + teeth.place[1]);
  const [, lowest] = now.lines(s);
  const top = row[4 * Math.round((teeth.edge[0] / width) * (CELLS - 1))];
  const covered = (COVERED * (teeth.edge[1] - top)) / teeth.down;
  return {
    edge: teeth.edge,
    s,
    across: across + fitted * (lowest + covered - across),
    along: [s, 1 - s].map((share, side) => {
      const length = Math.abs(teeth.ends[side] - teeth.edge[0]) / (1 - CORRIDOR);
      const needed = length / Math.max(share * now.width, 1e-6); // for a row that ends beside the corner of the mouth
      if (needed < teeth.along) return Math.max(needed, teeth.along / WIDEST);
      return teeth.along + fitted * (needed - teeth.along);
    }),
    down: teeth.down,
    gain: teeth.gain,
    light: teeth.light,
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
