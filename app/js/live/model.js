// The page's model: what a change of e does to texture and shape, and the mesh. See rbvae/editing/page_model.py.

import { summed, unpack } from "./unpack.js";

export const POINTS = 468;

export class Model {
  static async load(buffer) {
    return new Model(await unpack(buffer));
  }

  constructor({ about, arrays }) {
    Object.assign(this, {
      side: about.side,
      directions: new Map(about.directions.map((one) => [one.name, one])),
      lines: about.lines,
      constants: about.constants, // of the library, by module
      images: summed(arrays.images, about.textureStep), // [K, P + 2 C]
      shapes: summed(arrays.shapes, about.shapeStep), // [K, 468 * 3]
      count: arrays.images.shape[1],
      shapeCount: arrays.shapes.shape[1],
      texels: arrays.texels,
      coloured: arrays.coloured,
      colouredWeight: arrays.colouredWeight,
      plainWeight: arrays.plainWeight,
      fade: arrays.fade,
      skin: arrays.skin,
      cheeks: arrays.cheeks,
      folds: arrays.folds,
      belowGlasses: arrays.belowGlasses,
      aroundEyes: arrays.aroundEyes,
      meanLuma: arrays.meanLuma,
      triangles: arrays.triangles,
      canonical: arrays.canonical,
    });
    this.skinTriangles = this.triangles.subarray(0, 3 * about.skinTriangles);
    this.neighbours = adjacency(this.skinTriangles);
    this.edgeTriangles = edge(this.skinTriangles, this.lines.oval);
    this.coveringTriangles = covering(this.skinTriangles, this.lines);
    this.parts = new Map();
  }

  // Returns the weights of points and texels inside the named parts of the face; null for the whole face.
  partWeights(parts) {
    const names = [...new Set(parts)].filter((part) => ["mouth", "eyes", "brows"].includes(part)).sort();
    if (!names.length || names.length === 3) return null;
    const key = names.join();
    if (!this.parts.has(key)) this.parts.set(key, this._partWeights(names));
    return this.parts.get(key);
  }

  // rbvae/editing/parts.py
  _partWeights(names) {
    const height = (point) => this.canonical[3 * point + 1];
    const heights = (lines) => lines.flat(2).map(height);
    const [eyes, brows] = [heights(this.lines.lids), heights(this.lines.brows)];
    const [highest, lowest] = [Math.min(...eyes), Math.max(...eyes)];
    const above = (Math.max(...brows) + highest) / 2;
    const below = lowest + 0.6 * (lowest - highest);
    const step = (distance) => 1 / (1 + Math.exp(-distance / 0.0125));
    const weight = (y) => {
      const [lower, middle] = [step(y - below), step(y - above)];
      const each = { mouth: lower, eyes: middle * (1 - lower), brows: 1 - middle };
      return names.reduce((sum, part) => sum + each[part], 0);
    };
    return {
      points: Float32Array.from({ length: POINTS }, (_, point) => weight(height(point))),
      texels: Float32Array.from(this.texels, (texel) => weight((Math.floor(texel / this.side) + 0.5) / this.side)),
    };
  }
}

// Returns the neighbours of each point in triangles, as a list of arrays.
export function adjacency(triangles) {
  const sets = Array.from({ length: POINTS }, () => new Set());
  for (let t = 0; t < triangles.length; t += 3) {
    for (const [a, b] of [[0, 1], [1, 2], [2, 0]]) {
      sets[triangles[t + a]].add(triangles[t + b]);
      sets[triangles[t + b]].add(triangles[t + a]);
    }
  }
  return sets.map((set) => Uint16Array.from(set));
}

// Returns the triangles of skin without those of lips and lids.
function covering(skin, { innerLips, outerLips, lipRows, lids }) {
  const own = touching(new Set([innerLips, outerLips, lipRows, lids].flat(3)));
  return trianglesWhere(skin, (corners) => !own(corners));
}

// Returns the triangles of skin within two triangles of the oval.
function edge(skin, oval) {
  const near = trianglesWhere(skin, touching(new Set(oval)));
  return trianglesWhere(skin, touching(new Set(near)));
}

const touching = (points) => (corners) => corners.some((point) => points.has(point));

function trianglesWhere(triangles, isChosen) {
  const found = [];
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = triangles.subarray(t, t + 3);
    if (isChosen(corners)) found.push(...corners);
  }
  return Uint16Array.from(found);
}
