// Eyes and mouth in plain JavaScript: the shaders of shader_layers.js, pixel by pixel.
//
// Each function returns a function (x, y, out) that writes red, green, blue in grey levels and the share of the pixel at
// a place in the portrait's file.

import { CELLS, clamp, ramp, smoothstep } from "./opening.js";
import { bilinear, cubic } from "./sampling.js";

const GROWN = 0.75; // pixels: OpenCV draws polygons with their outline

const unit = (t) => clamp(t, 0, 1);
const mix = (a, b, share) => a + share * (b - a);

// A row of the lines of a frame at `s`: before above and below, after above and below.
export function lineAt(lines, row, s, out) {
  const cell = unit(s) * (CELLS - 1);
  const first = Math.min(Math.floor(cell), CELLS - 2);
  const at = 4 * (row * CELLS + first);
  for (let k = 0; k < 4; k++) out[k] = mix(lines[at + k], lines[at + 4 + k], cell - first);
  return out;
}

const normal = (x) => 0.5 + 0.5 * Math.tanh(clamp(0.79788456 * (x + 0.044715 * x ** 3), -9, 9));
const [low, high] = [new Float64Array(4), new Float64Array(4)];

// How much of a pixel lies between the lines `first` and `first + 1` of a row, blurred by `soft`.
export function inside(lines, row, s, across, edge, first, width, soft) {
  const h = 1 / (CELLS - 1);
  lineAt(lines, row, s - h, low);
  lineAt(lines, row, s + h, high);
  const crosses = edge[first] > edge[first + 1];
  const [above, below] = [0, 1].map((k) => {
    const slope = (high[first + k] - low[first + k]) / (2 * h * width);
    const by = (across - edge[first + (crosses ? 1 - k : k)]) / Math.sqrt(1 + slope * slope);
    return normal((by + (k ? -GROWN : GROWN)) / soft);
  });
  return unit((above - below) * normal((s * width) / soft) * normal(((1 - s) * width) / soft));
}

export function eyeLayer(portrait, frame, number, photo, blur) {
  const [{ old, now, gaze, shine: shift, share }, place] = [frame.eyes[number], portrait.eyes[number]];
  const [white, iris] = place.layers.map((name) => pictureOf(portrait, name));
  const shine = place.reflection && pictureOf(portrait, place.reflection);
  const [l, layer] = [new Float64Array(4), new Float64Array(4)];
  const { EDGE } = portrait.model.constants.eyes;
  const far = Math.hypot(...gaze);
  const along = far ? gaze.map((value) => value / far) : [0, 0];
  const narrow = 1 / Math.sqrt(1 - Math.min(0.6, far / (1.7 * place.iris[2])) ** 2) - 1;
  const scale = old.width / Math.max(now.width, 1e-6);
  const ball = (x, y, shown, out) => {
    const [qx, qy] = [x - place.corner[0], y - place.corner[1]];
    const [mx, my] = [qx - gaze[0], qy - gaze[1]];
    const by = narrow * ((mx - place.iris[0] + place.corner[0]) * along[0] + (my - place.iris[1] + place.corner[1]) * along[1]);
    const value = [0, 0, 0];
    cubic(white, qx, qy, layer);
    for (let c = 0; c < 3; c++) value[c] = layer[c];
    cubic(iris, mx + by * along[0], my + by * along[1], layer);
    for (let c = 0; c < 3; c++) value[c] = value[c] * (1 - layer[3] / 255) + layer[c];
    if (shine) cubic(shine, qx - shift[0], qy - shift[1], layer);
    for (let c = 0; c < 3; c++) out[c] = mix(out[c], value[c] + (shine ? layer[c] : 0), shown);
  };
  return (x, y, out) => {
    const [s, across] = now.coordinates(x, y);
    lineAt(frame.lines, 1 + number, s, l);
    const upper = across - l[2] < l[3] - across;
    photo(...positions(old, s, upper ? l[0] + scale * (across - l[2]) : l[1] + scale * (across - l[3])), out);
    const height = Math.max(l[3] - l[2], 1e-3);
    const soft = Math.max(1, 1.2 * EDGE * height);
    const shown = unit((across - l[2] - EDGE * height) / soft) * unit((l[3] - 0.03 * height - across) / soft);
    if (shown && s > 0 && s < 1) ball(...positions(old, s, scale * across), shown, out);
    out[3] = inside(frame.lines, 1 + number, s, across, l, 2, now.width, blur) * share * unit(l[3] - l[2]);
  };
}

export function mouthLayer(portrait, frame, photo) {
  const { mouth, lines } = frame;
  const { constants } = portrait.model;
  const { SEAM_ENDS, RIM, RIM_GAP, RIM_ENDS } = constants.lips;
  const { old, now, between, share, soft, gap, apart, kept } = mouth;
  const [l, own, inner] = [new Float64Array(4), new Float64Array(4), new Float64Array(4)];
  const cavity = cavityLayer(portrait, mouth);
  const reach = pictureOf(portrait, "downToTeeth");
  const teeth = mouth.donor
    ? donorLayer(constants.mouth, mouth.donor, lines)
    : mouth.teeth && teethLayer(portrait, mouth, lines, cavity);
  return (x, y, out) => {
    const [s, across] = now.coordinates(x, y);
    lineAt(lines, 0, s, l);
    const mask = inside(lines, 0, s, across, l, 2, now.width, soft) * share;
    const d = (across - (l[2] + l[3]) / 2) / mouth.lineWidth;
    const seam = mouth.line * unit(Math.min(s, 1 - s) / SEAM_ENDS) * Math.exp(-d * d);
    const alpha = 1 - (1 - mask) * (1 - seam);
    out[3] = alpha;
    if (alpha < 0.002) return;
    inner.fill(0);
    if (teeth) teeth(s, across, l, inner);
    if (kept) {
      ownInside(constants, mouth, lines, photo, cavity, reach, [x, y], s, across, l, own);
      for (let c = 0; c < 3; c++) inner[c] = mix(inner[c], own[c], kept);
    }
    const below = Math.max(l[3] - across, 0) / Math.max(now.width, 1e-6);
    const rim = Math.exp(-below / RIM) * unit(gap / RIM_GAP) * ramp(Math.min(s, 1 - s), ...RIM_ENDS);
    for (let c = 0; c < 3; c++) {
      const value = clamp(Math.max(mix(between[c], inner[c], apart), rim * between[c]), 0, 255);
      out[c] = (value * mask * (1 - seam) + between[c] * seam) / alpha;
    }
  };
}

// What is behind the teeth, in a light [3].
function cavityLayer(portrait, { gap, haze }) {
  const { DARK, GAP, LIT_GAPS, COVERED, UNCOVERED_GAPS } = portrait.model.constants.cavity;
  const picture = pictureOf(portrait, "cavity");
  const covered = COVERED * (1 - ramp(gap, ...UNCOVERED_GAPS));
  const lit = ramp(gap, ...LIT_GAPS);
  return (s, v, light, out) => {
    cubic(picture, s * picture.width, (1 - ((1 - v) * gap) / GAP - covered) * picture.height, out);
    for (let c = 0; c < 3; c++) out[c] = haze + mix(DARK[c], out[c], lit) * light[c];
  };
}

function teethLayer(portrait, { now, teeth }, lines, cavity) {
  const picture = pictureOf(portrait, "teeth");
  const [row, found] = [new Float64Array(4), new Float64Array(4)];
  const [edgeX, edgeY] = teeth.edge;
  const { constants } = portrait.model;
  const { MARGIN, LIP_SHADOW } = constants.teeth;
  return (s, across, l, out) => {
    cavity(s, (across - l[2]) / Math.max(l[3] - l[2], 1e-3), teeth.light, out);
    const x = edgeX + (s - teeth.s) * now.width * teeth.along[s < teeth.s ? 0 : 1];
    let y = edgeY + (across - teeth.across) * teeth.down;
    const highest = lineAt(lines, 3, x / picture.width, row)[0] + MARGIN;
    const top = edgeY + (l[2] - teeth.across) * teeth.down;
    const stretch = clamp((edgeY - highest) / Math.max(edgeY - top, 1e-3), 0.4, 1);
    if (y < edgeY) y = edgeY - (edgeY - y) * stretch;
    if (x <= 0.5 || x >= picture.width - 0.5) return;
    cubic(picture, x, Math.max(y, highest), found);
    const shadow = 1 - LIP_SHADOW * lipShadow(constants.teeth, across - l[2], now.width);
    for (let c = 0; c < 3; c++) out[c] = mix(out[c], found[c] * teeth.gain[c] * shadow, unit(found[3] / 255));
  };
}

function donorLayer({ SQUASHED, STRETCHED, KEPT, BITE }, { opening, picture, gain, wider }, lines) {
  const [edges, found] = [new Float64Array(4), new Float64Array(4)];
  return (s, across, l, out) => {
    let v = clamp((across - l[2]) / Math.max(l[3] - l[2], 1e-3), -0.3, 1.3);
    if (wider < SQUASHED) v = BITE + ((v - BITE) * wider) / SQUASHED;
    else if (wider > STRETCHED) {
      const [times, below] = [wider / STRETCHED, (KEPT * STRETCHED) / wider];
      v = v < below ? v * times : KEPT + ((v - below) / Math.max(1 - below, 1e-6)) * (1 - KEPT);
    }
    lineAt(lines, 3, s, edges);
    cubic(picture, ...positions(opening, s, edges[0] + v * (edges[1] - edges[0])), found);
    for (let c = 0; c < 3; c++) out[c] = found[c] * gain[c];
  };
}

const [before, found, dark, whole, kept] = [0, 1, 2, 3, 4].map(() => new Float64Array(4));

function ownInside(constants, mouth, lines, photo, cavity, reach, [x, y], s, across, l, out) {
  const { old, now, shift, deeper, narrower, opens, shadows, bite, lower, parts, edged } = mouth;
  const { BELOW, PAST, PARTS, CLAMP, CORNERS, COVERED, COVERING } = constants.own_mouth;
  const [own, from] = old.coordinates(x - shift[0], y - shift[1]);
  lineAt(lines, 0, own, before);
  const height = Math.max(before[1] - before[0], 1e-3);
  const place = (across - l[2]) / Math.max(l[3] - l[2], 1e-3);
  const covered = clamp((from - before[0] - (across - l[2])) / height, 0, COVERED);
  const still = (from - before[0]) / height;
  const v = mix(still, covered + place * deeper, opens);
  const along = mix(own, 0.5 + narrower * (s - 0.5), opens);
  const ends = 1 - smoothstep(ramp(Math.min(s, 1 - s), 0, CORNERS));
  const under = Math.max(shadows[1], constants.teeth.LIP_SHADOW * ramp(opens * covered, 0, COVERING));
  const light = (1 - shadows[0] * ends) * (1 - under * lipShadow(constants.teeth, across - l[2], now.width));
  const add = (colours, by, share) => {
    for (let c = 0; c < 3; c++) out[c] = mix(out[c], by * colours[c], share);
  };
  const lit = (where) => {
    photo(...positions(old, clamp(along, 0.02, 0.98), before[0] + clamp(where, ...CLAMP) * height), found);
    return found;
  };
  cavity(s, place, mouth.light, dark);
  add(lit(v), light, 1);
  if (edged) cubic(reach, along * reach.width, v * reach.height, kept);
  const deep = Math.max(opens * ramp(v, ...BELOW), ramp(v, ...PAST), edged * (1 - kept[0] / 255));
  for (let c = 0; c < 3; c++) whole[c] = mix(out[c], dark[c], deep);
  if (!parts) {
    add(whole, 1, 1);
    return;
  }
  const line = bite[0] + bite[1] * (along - 0.5) ** 2;
  const range = [line - PARTS * old.gap, line + PARTS * old.gap];
  const below = mix(still, 1 - (1 - place) * deeper, opens);
  if (lower) cavity(s, Math.min(place + (1 - range[1]) / deeper, 1), mouth.light, dark); // the tongue lies above them
  add(dark, 1, ramp(v, ...range));
  add(lit(below), light, lower * ramp(below, ...range));
  add(whole, 1, 1 - parts);
}

const lipShadow = ({ SHADOW_WIDTH }, below, width) => Math.exp(-Math.max(below, 0) / (SHADOW_WIDTH * width));

export function positions({ origin, along, width }, s, across) {
  return [
    origin[0] + s * width * along[0] - across * along[1],
    origin[1] + s * width * along[1] + across * along[0],
  ];
}

export function pictureOf({ arrays }, name) {
  const [height, width, channels = 1] = arrays[name].shape;
  return { data: arrays[name], width, height, channels };
}

// Replaces `value` [3] by the skin of a lid, by `share`, at a place in the photo.
export function lifted(portrait, number, share, x, y, value, out) {
  const place = portrait.eyes[number];
  const skin = pictureOf(portrait, place.skin);
  const [qx, qy] = [x - place.lidCorner[0], y - place.lidCorner[1]];
  if (qx < 0 || qy < 0 || qx > skin.width || qy > skin.height) return;
  bilinear(skin, qx, qy, out);
  for (let c = 0; c < 3; c++) value[c] = mix(value[c], out[c], (share * out[3]) / 255);
}
