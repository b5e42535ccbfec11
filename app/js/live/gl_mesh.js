// The mesh of a frame in WebGL: what it needs on the graphics card, and its triangles, kind by kind.

import { GlLayers } from "./gl_layers.js";
import { POINTS } from "./model.js";
import { CELLS } from "./opening.js";
import { ADDS, LIFTS, OVERLAPS, Parts } from "./parts.js";
import { MESHES } from "./shaders.js";

export class GlMesh extends GlLayers {
  constructor(model, canvas) {
    super(model, canvas);
    this.parts = new Parts(model);
  }

  reset() {
    super.reset();
    const { gl } = this;
    for (const [name, shaders] of Object.entries(MESHES)) this.programs[name] = this._program(...shaders);
    this.edited = this._mesh(this.parts.triangles.length);
    this.added = this._texture(gl.LINEAR);
    this.shown = { added: null, version: 0 }; // what that texture has
    this.lines = this._texture(gl.NEAREST);
  }

  _uploadFrame({ lines, added }) {
    const { gl, shown } = this;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    this._bind("lines", this.lines);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, CELLS, 4, 0, gl.RGBA, gl.FLOAT, lines);
    if (!added) return;
    this._bind("added", this.added);
    if (added === shown.added && added.version === shown.version) return;
    const { side } = this.model;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, side, side, 0, gl.RGBA, gl.UNSIGNED_BYTE, added.bytes);
    this.shown = { added, version: added.version };
  }

  // Draws the triangles that change; if some lie behind others, the nearer over the further.
  _drawMesh(surface, portrait, frame, target, layers) {
    const { gl, parts } = this;
    const groups = parts.split(portrait, frame, surface.zoom * portrait.scale);
    this._fill(this.edited, frame.vertices);
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 0, parts.list);
    this._mirror(surface.texture, surface, portrait, frame.vertices);
    const range = depths(frame.vertices);
    let isDeep = false;
    for (const { kind, start, count } of groups) {
      if (kind & OVERLAPS && !isDeep) {
        gl.enable(gl.DEPTH_TEST);
        gl.depthFunc(gl.LEQUAL);
        gl.clear(gl.DEPTH_BUFFER_BIT);
        isDeep = true;
      }
      const set = this._use(programOf(kind), surface, portrait, target);
      this._bind("photo", surface.texture);
      set.vec2("depth", range);
      if (kind & ADDS) this._fillCreases(set, portrait, frame.added, layers);
      if (kind & (LIFTS[0] | LIFTS[1])) this._lift(set, kind, portrait, frame, layers);
      gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_SHORT, 2 * start);
    }
    gl.bindVertexArray(null);
  }

  _fillCreases(set, { cheeks: [left, top, right, bottom] }, { smile }, { creases }) {
    this._bind("creases", creases);
    set.vec4("cheeks", [left, top, right - left, bottom - top]);
    set.float("smile", smile);
  }

  // Where one eye's lid is lifted alone, it is the first of the shader's.
  _lift(set, kind, portrait, { lifts }, { skin, skinSize }) {
    const eyes = [0, 1].filter((eye) => kind & LIFTS[eye]);
    set.vec2("lifts", [lifts[eyes[0]], lifts[eyes[1]] ?? 0]);
    eyes.forEach((eye, k) => {
      this._bind(`skin${k}`, skin[eye]);
      const corner = portrait.eyes[eye]?.lidCorner;
      if (corner) set.vec4(`lids[${k}]`, [...corner, ...skinSize[eye]]);
    });
  }

  // Mirrors a photo beyond its edges if pixels there may move into sight; that takes longer.
  _mirror(texture, surface, portrait, vertices) {
    const { gl } = this;
    this._bind("photo", texture);
    const wrap = needsMirror(surface, portrait, this._view(surface, portrait), vertices) ? gl.MIRRORED_REPEAT : gl.CLAMP_TO_EDGE;
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, wrap);
  }

  _fill(mesh, vertices) {
    const { gl } = this;
    gl.bindVertexArray(mesh.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.DYNAMIC_DRAW);
  }
}

// The program for a kind of triangles.
function programOf(kind) {
  const name = ["plain", "lid", "lids"][LIFTS.filter((bit) => kind & bit).length];
  return kind & ADDS ? `${name}+` : name;
}

// Whether something moves that lies outside the photo, or moves from outside the surface into it.
function needsMirror({ width, height }, { size, origin, scale }, [k, ox, oy], vertices) {
  const isWithin = (x, y) => x * k + ox >= 0 && y * k + oy >= 0 && x * k + ox <= width && y * k + oy <= height;
  for (let i = 0; i < vertices.length; i += 5) {
    const x = vertices[i + 3];
    const y = vertices[i + 4];
    if (vertices[i] === x && vertices[i + 1] === y) continue;
    const left = origin[0] + scale * x;
    const top = origin[1] + scale * y;
    if (left < 0 || top < 0 || left > size[0] || top > size[1]) return true;
    if (!isWithin(x, y) && isWithin(vertices[i], vertices[i + 1])) return true;
  }
  return false;
}

// The middle of the depths of vertices, and the scale that maps them to -1..1.
export function depths(vertices) {
  let [nearest, furthest] = [Infinity, -Infinity];
  for (let i = 2; i < 5 * POINTS; i += 5) {
    nearest = Math.min(nearest, vertices[i]);
    furthest = Math.max(furthest, vertices[i]);
  }
  return [(nearest + furthest) / 2, 1.9 / Math.max(furthest - nearest, 1)];
}
