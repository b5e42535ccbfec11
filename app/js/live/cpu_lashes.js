// Closed lids and their lashes in plain JavaScript: the shader LASHES of shader_lashes.js, pixel by pixel.

import { lineAt, pictureOf, positions } from "./cpu_layers.js";
import { DEPTHS, clamp, ramp } from "./opening.js";
import { cubic } from "./sampling.js";

const unit = (t) => clamp(t, 0, 1);

// Returns a function (x, y, out) that writes what to do with the pixels drawn so far: out[0..2] is the colour of the lids,
// out[3] their opacity, out[4] how much they are darkened, and out[5] the texture of skin to add, in grey levels.
export function lashLayer(portrait, frame, number) {
  const { old, now, share, thick, hidden } = frame.lashes[number];
  const place = portrait.eyes[number];
  const constants = portrait.model.constants.lashes;
  const { REACH, FINE, LINE, OUTER, INNER, SHORT, FINEST, BELOW, TEXTURED } = constants;
  const { THICK, THIN, STROKES, UNEVEN, SLANT } = constants;
  const { LEFT, TOP, STEP } = portrait.model.constants.closed_lid;
  const [lashes, grain, closed] = [place.lashes, place.grain, place.closed].map((name) => pictureOf(portrait, name));
  const [l, depths, found] = [new Float64Array(4), new Float64Array(4), new Float64Array(4)];
  const { width } = now;
  const scale = old.width / Math.max(width, 1e-6);
  const thin = Math.min(1, (4 * LINE * width) / thick);
  const fine = ramp(width, ...FINE);
  const sampled = (picture, s, across) => {
    const [x, y] = positions(old, s, across);
    cubic(picture, x - place.lidCorner[0], y - place.lidCorner[1], found);
    return found[0];
  };
  const fringe = (outwards, below) => {
    if (below <= 0) return 0;
    const even = STROKES * (outwards - (SLANT * (outwards + 0.5) * below) / width);
    const along = even + UNEVEN * Math.sin(2.1 * even);
    const stroke = Math.floor(along);
    const digits = Math.abs(Math.sin(12.9898 * stroke)) * 437.58;
    const noise = digits - Math.floor(digits);
    const reach = unit(below / (place.fringe * (0.6 + 0.8 * noise) * width));
    const wave = 0.5 + 0.5 * Math.cos(2 * Math.PI * (along - stroke - 0.5));
    const dark = 0.5 + fine * (wave ** (THICK + THIN * reach) - 0.5);
    return dark * (1 - reach) * (0.6 + 0.4 * noise) * ramp(outwards, -0.95, -0.7);
  };
  return (x, y, out) => {
    const [s, across] = now.coordinates(x, y);
    lineAt(frame.lines, 1 + number, s, l);
    const below = across - l[2];
    const outwards = number ? s - 1 : -s;
    const depth = lineAt(frame.lines, DEPTHS.row, ramp(s, DEPTHS.from, DEPTHS.to), depths)[2 + number];
    let line = depth * thin * Math.exp(-0.5 * (below / thick) ** 2);
    line *= (INNER + (1 - INNER) * ramp(outwards, -1, -0.7)) * ramp(outwards, -1.03, -0.95);
    const within = share * ramp(outwards, ...OUTER);
    const length = (below > 0 ? SHORT * REACH : 0.03) * width;
    let hairs = unit(2 - (2 * Math.abs(below)) / length) * fine * ramp(outwards, -1, -0.8) * ramp(outwards, 0.2, -0.15);
    if (hairs) hairs *= 1 - sampled(lashes, s, l[0] - (scale * Math.abs(below)) / SHORT) / 255;
    const gap = Math.max(l[3] - l[2], 0);
    const reached = below < 0 ? below : Math.max(below - gap, 0);
    cubic(closed, (s - LEFT) / STEP + 0.5, (reached / width - TOP) / STEP + 0.5, out);
    out[3] = share * unit(out[3] / 255);
    if (below > 0 && below < gap) out[3] *= hidden;
    out[4] = Math.max(within * Math.max(line, depth * fringe(outwards, below)), share * hairs);
    out[5] = 0;
    if (below < 0 && out[3] > 0) {
      const folded = TEXTURED * width - Math.abs(TEXTURED * width + below);
      const level = sampled(grain, s, l[1] + BELOW * old.width + scale * folded) - 128;
      out[5] = out[3] * clamp(level * place.grainStep, -FINEST, FINEST);
    }
  };
}
