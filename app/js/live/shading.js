// The change of texture that is added to a photo, region by region; see rbvae/faces/shading.py.
//
// Skin becomes lighter or darker by a ratio. All up to its limits is linear in the images of change, so that it is
// computed once for each of them and face, and a move only adds up numbers.

import { clamp, ramp } from "./opening.js";
import { Line, broad } from "./sums.js";

const LUMA = [0.299, 0.587, 0.114];
const STEPS = 1024; // of the table of ratios
const LIMIT = 90; // grey levels
const ZERO = 127; // the byte for no change
export const STEP = LIMIT / ZERO; // grey levels by which bytes differ
export const NONE = 0x7f7f7f7f; // a texel without a change

export class Shading {
  // `own` [P * 3] is the face's texture in grey levels, `covered` [P] how much of a texel something covers, in 255ths, and
  // `youth` 1 for an infant.
  constructor(model, own, covered, youth) {
    this.model = model;
    const { texels, coloured, plainWeight, colouredWeight } = model;
    const share = Float32Array.from(texels, (_, i) => (model.fade[i] / 255) * (1 - covered[i] / 255));
    this.table = ratioTable(model.constants.shading);
    this.plain = Float32Array.from(own, (value, at) => {
      const i = Math.floor(at / 3);
      return (value * share[i] * plainWeight[i]) / 255 / STEP;
    });
    this.folds = foldsOf(model, own, youth);
    this.filling = this.folds.filling.map((value, at) => (value * share[Math.floor(at / 3)]) / STEP);
    this.tinted = Float32Array.from(coloured, (i) => (share[i] * colouredWeight[i]) / 255 / STEP);
    this.tintOf = new Int16Array(texels.length).fill(-1);
    coloured.forEach((texel, k) => (this.tintOf[texel] = k));
    const { ratios, tints, smiles } = linearParts(model, own);
    this.smiles = smiles;
    this.seen = Float32Array.from(model.folds, (weight, i) => weight * (1 - covered[i] / 255));
    this.ratio = new Line(ratios, texels.length);
    this.tint = new Line(tints, 3 * coloured.length);
    const bytes = new Uint8Array(4 * model.side * model.side).fill(ZERO);
    this.added = { bytes, words: new Uint32Array(bytes.buffer), version: 0, smile: 0 };
    this.last = { coefficients: new Float32Array(model.count).fill(NaN), weights: null };
  }

  // Returns what to add for coefficients of the images [K], which the next call changes: { bytes, words, version, smile }.
  // Bytes are RGBA [S * S * 4], 127 for nothing, in steps of STEP grey levels; words are the same, one for a texel; the
  // version is another number after each change; `smile` is the share of a smile that disappears with its creases.
  // `weights` [P] or null limit it to parts of the face.
  apply(coefficients, weights = null) {
    const { last, added } = this;
    if (last.weights === weights && coefficients.every((value, k) => value === last.coefficients[k])) return added;
    last.coefficients.set(coefficients);
    last.weights = weights;
    added.version += 1;
    const smile = clamp(this.smiles.reduce((sum, value, k) => sum + value * coefficients[k], 0), 0, 1);
    added.smile = smile * this.seen.reduce((sum, weight, i) => sum + weight * (weights ? weights[i] : 1), 0);
    this._write(this.ratio.at(coefficients), this.tint.at(coefficients), smile, weights);
    return added;
  }

  // `smile` is the share of a smile that disappears.
  _write(ratio, tint, smile, weights) {
    const { model: { texels, constants }, plain, filling, tinted, tintOf, table, added: { bytes, words } } = this;
    const { darker, lightest, isFold } = this.folds;
    const { FAINT, LIGHTER, RATIOS } = constants.shading;
    const least = RATIOS[0] - 1;
    const most = RATIOS[1] - 1;
    const scale = STEPS / (most - least);
    for (let i = 0; i < texels.length; i++) {
      const value = ratio[i];
      const k = tintOf[i];
      const isPlain = value <= FAINT && value >= -FAINT;
      const isFilled = smile > 0 && isFold[i];
      if (isPlain && k < 0 && !isFilled) {
        words[texels[i]] = NONE;
        continue;
      }
      const weight = weights ? weights[i] : 1;
      let [red, green, blue] = [0, 0, 0];
      if (!isPlain) {
        const change = value > 0
          ? Math.min((value - FAINT) * LIGHTER, lightest[i])
          : Math.max((value + FAINT) * darker[i], least);
        const step = 3 * Math.round((change - least) * scale);
        red = table[step] * plain[3 * i] * weight;
        green = table[step + 1] * plain[3 * i + 1] * weight;
        blue = table[step + 2] * plain[3 * i + 2] * weight;
      }
      if (isFilled) {
        const by = smile * weight;
        red += filling[3 * i] * by;
        green += filling[3 * i + 1] * by;
        blue += filling[3 * i + 2] * by;
      }
      if (k >= 0) {
        const by = tinted[k] * weight;
        red += tint[3 * k] * by;
        green += tint[3 * k + 1] * by;
        blue += tint[3 * k + 2] * by;
      }
      const at = 4 * texels[i];
      bytes[at] = byteOf(red);
      bytes[at + 1] = byteOf(green);
      bytes[at + 2] = byteOf(blue);
    }
  }
}

const byteOf = (steps) => (steps < -ZERO ? 0 : steps > ZERO ? 2 * ZERO : ZERO + 0.5 + steps);

// Returns the changes of red, green and blue, as shares of the skin, at STEPS + 1 ratios of lightness.
function ratioTable({ RATIOS, WARMTH }) {
  return Float32Array.from({ length: 3 * (STEPS + 1) }, (_, i) => {
    return (RATIOS[0] + ((RATIOS[1] - RATIOS[0]) * Math.floor(i / 3)) / STEPS) ** WARMTH[i % 3] - 1;
  });
}

// Returns how skin changes in the folds of a face; see Folds in rbvae/faces/shading.py.
function foldsOf(model, own, youth) {
  const { texels, skin, cheeks } = model;
  const { DARKER, DEEPER, FILLED, FLAT, FOLD, RATIOS, SMOOTH } = model.constants.shading;
  const [blur, area, most] = [broad(model), texels.length, RATIOS[1] - 1];
  const around = new Float32Array(3 * area);
  for (let c = 0; c < 3; c++) {
    const wide = blur(Float32Array.from(texels, (_, i) => own[3 * i + c]));
    for (let i = 0; i < area; i++) around[3 * i + c] = wide[i] - own[3 * i + c];
  }
  const lightness = lightnessOf(model, own);
  const depth = lightness.map((value, i) => luma(around, i) / value);
  const onSkin = depth.map((value, i) => (value * skin[i]) / 255);
  const share = depth.map((value, i) => {
    return value > 0 ? Math.min((FILLED * cheeks[i]) / 255, most / Math.max(value, most)) : 0;
  });
  return {
    darker: onSkin.map((value) => DARKER * (1 - SMOOTH * youth) * (1 - (1 - DEEPER) * ramp(value, ...FOLD))),
    lightest: onSkin.map((value, i) => most + (skin[i] / 255) * (clamp(FLAT + value, FLAT / 2, most) - most)),
    filling: around.map((value, at) => value * share[Math.floor(at / 3)]),
    isFold: share.map((value) => value > 0),
  };
}

const luma = (colours, i) => LUMA.reduce((sum, weight, c) => sum + weight * colours[3 * i + c], 0);

function lightnessOf({ texels, constants: { shading } }, own) {
  return Float32Array.from(texels, (_, i) => Math.max(luma(own, i), shading.DIMMEST));
}

// Returns the ratios of lightness [K * P], the share of a smile [K] that disappears, and the changes of red, green and
// blue at the coloured texels [K * 3 C], that each image of change makes of a face's texture.
function linearParts(model, own) {
  const { texels, coloured, images, count, folds } = model;
  const { DARKEST, BROAD_SHARE, SMILE } = model.constants.shading;
  const [area, tinted] = [texels.length, coloured.length];
  const lightness = lightnessOf(model, own);
  const dim = lightness.map((value, i) => Math.min(Math.max(value / Math.max(model.meanLuma[i], 1), DARKEST), 1));
  const blur = broad(model);
  const [ratios, tints] = [new Float32Array(count * area), new Float32Array(3 * count * tinted)];
  const smiles = new Float32Array(count);
  for (let k = 0; k < count; k++) {
    const image = images.subarray(k * (area + 2 * tinted), (k + 1) * (area + 2 * tinted));
    const ratio = ratios.subarray(k * area, (k + 1) * area);
    for (let i = 0; i < area; i++) ratio[i] = (image[i] * dim[i]) / lightness[i];
    smiles[k] = folds.reduce((sum, weight, i) => sum + weight * ratio[i], 0) / SMILE;
    const wide = blur(ratio);
    for (let i = 0; i < area; i++) ratio[i] -= BROAD_SHARE * wide[i];
    coloured.forEach((texel, i) => {
      const [grey, red, blue] = [image[texel], image[area + i], image[area + tinted + i]];
      const green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1];
      const at = 3 * (k * tinted + i);
      [red, green, blue].forEach((colour, c) => (tints[at + c] = (grey + colour) * dim[texel]));
    });
  }
  return { ratios, tints, smiles };
}
