// The layers of a frame on top of the mesh, in WebGL: eyes, lashes and mouth.

import { GlTools } from "./gl_tools.js";
import { LASHES } from "./shader_lashes.js";
import { EYE, MOUTHS } from "./shader_layers.js";
import { QUAD_VERTEX } from "./shaders.js";

export class GlLayers extends GlTools {
  reset() {
    this.faces = new WeakMap(); // textures of portraits, and of the mouths of donors
    this.programs = {
      eye: this._program(QUAD_VERTEX, EYE),
      lashes: this._program(QUAD_VERTEX, LASHES),
      teeth: this._program(QUAD_VERTEX, MOUTHS.teeth),
      donor: this._program(QUAD_VERTEX, MOUTHS.donor),
    };
    this.below = this._texture(this.gl.LINEAR);
    this.empty = this._upload(this._texture(this.gl.NEAREST), new Uint8Array(4), 1, 1);
  }

  _eye(surface, portrait, eye, number, layers, target) {
    const place = portrait.eyes[number];
    const set = this._use("eye", surface, portrait, target);
    this._bind("photo", surface.texture);
    for (const name of ["white", "iris", "reflection"]) this._bind(name, layers[name][number] ?? this.empty);
    set.opening("old", eye.old);
    set.opening("now", eye.now);
    set.int("row", 1 + number);
    set.vec4("patch_", [...place.corner, ...layers.ballSize[number]]);
    set.vec3("disc", place.iris);
    set.vec2("gaze", eye.gaze);
    set.vec2("shine", eye.shine);
    set.float("share", eye.share);
    const blur = Math.max(eye.blur, 0.4 / surface.zoom / portrait.scale);
    set.float("blur", blur);
    set.int("shines", place.reflection ? 1 : 0);
    this._quad(eye.now.box(3 * blur + 2));
  }

  _lashes(surface, portrait, lid, number, layers, target) {
    const { gl } = this;
    const [left, top, right, bottom] = lid.box;
    const set = this._use("lashes", surface, portrait, target);
    const [k, ox, oy] = this._view(surface, portrait);
    const low = [left * k + ox, top * k + oy].map((value) => Math.max(0, Math.floor(value)));
    const high = [right * k + ox, bottom * k + oy].map((value, d) => {
      return Math.min(d ? surface.height : surface.width, Math.ceil(value));
    });
    const [width, height] = [high[0] - low[0], high[1] - low[1]];
    if (width <= 0 || height <= 0) return;
    const y = target.flip < 0 ? surface.height - high[1] : low[1];
    this._bind("below", this.below);
    gl.copyTexImage2D(gl.TEXTURE_2D, 0, gl.RGBA, low[0], y, width, height, 0);
    this._bind("lashes", layers.lashes[number]);
    this._bind("grain", layers.grain[number]);
    this._bind("closed", layers.closed[number]);
    set.vec2("closedSize", layers.closedSize[number]);
    set.float("grainStep", portrait.eyes[number].grainStep);
    set.float("lashLength", portrait.eyes[number].fringe);
    set.vec3("shade", portrait.eyes[number].shade);
    set.vec2("corner", [low[0], y]);
    set.vec2("extent", [width, height]);
    set.opening("old", lid.old);
    set.opening("now", lid.now);
    set.int("eye", number);
    set.float("thick", lid.thick);
    set.float("hidden", lid.hidden);
    set.vec4("patch_", [...portrait.eyes[number].lidCorner, ...layers.skinSize[number]]);
    set.float("share", lid.share);
    this._quad([left, top, right, bottom]);
  }

  _mouth(surface, portrait, mouth, layers, target) {
    const { donor } = mouth;
    const set = this._use(donor ? "donor" : "teeth", surface, portrait, target);
    this._bind("photo", surface.texture);
    this._bind("teeth", donor ? this._donor(donor.picture) : layers.teeth);
    set.opening("old", mouth.old);
    set.opening("now", mouth.now);
    set.vec3("between", mouth.between);
    set.vec2("shift", mouth.shift);
    set.vec2("shadows", mouth.shadows);
    for (const name of ["share", "soft", "gap", "apart", "kept", "deeper", "narrower", "opens", "edged", "parts", "lower", "line", "lineWidth"]) {
      set.float(name, mouth[name]);
    }
    this._bind("cavity", layers.cavity);
    set.vec2("cavitySize", layers.cavitySize);
    this._bind("reach", layers.reach);
    set.vec2("reachSize", layers.reachSize);
    set.vec3("ownLight", mouth.light);
    set.float("haze", mouth.haze);
    set.vec3("bite", [...(mouth.bite ?? [0, 0]), mouth.old.gap]);
    if (donor) {
      set.vec2("teethSize", [donor.picture.width, donor.picture.height]);
      set.opening("donor", donor.opening);
      set.float("donorWider", donor.wider);
      set.vec3("gain", donor.gain);
    }
    if (mouth.teeth) {
      const { edge, s, across, along, down, gain, light } = mouth.teeth;
      set.vec2("teethSize", layers.teethSize);
      set.vec2("edge", edge);
      set.vec4("rowPlace", [s, across, ...along]);
      set.float("down", down);
      set.vec3("gain", gain);
      set.vec3("teethLight", light);
    }
    this._quad(mouth.now.box(mouth.margin));
  }

  // The textures of a portrait's eyes, lids, mouth and cheeks.
  _layers(portrait) {
    if (this.faces.has(portrait)) return this.faces.get(portrait);
    const { arrays, eyes } = portrait;
    const upload = (name) => {
      const [height, width, channels] = [...arrays[name].shape, 1];
      return this._upload(this._texture(this.gl.LINEAR), arrays[name], width, height, channels);
    };
    const size = (name) => [arrays[name].shape[1], arrays[name].shape[0]];
    const each = (pick) => eyes.map((eye) => (eye && pick(eye) ? upload(pick(eye)) : this.empty));
    const layers = {
      white: each((eye) => eye.layers[0]),
      iris: each((eye) => eye.layers[1]),
      reflection: each((eye) => eye.reflection),
      skin: each((eye) => eye.skin),
      lashes: each((eye) => eye.lashes),
      grain: each((eye) => eye.grain),
      closed: each((eye) => eye.closed),
      closedSize: eyes.map((eye) => eye && size(eye.closed)),
      ballSize: eyes.map((eye) => eye && size(eye.layers[0])),
      skinSize: eyes.map((eye) => eye && size(eye.skin)),
      teeth: upload("teeth"),
      teethSize: size("teeth"),
      cavity: upload("cavity"),
      cavitySize: size("cavity"),
      reach: upload("downToTeeth"),
      reachSize: size("downToTeeth"),
      creases: upload("creases"),
    };
    this.faces.set(portrait, layers);
    return layers;
  }

  _donor(picture) {
    if (!this.faces.has(picture)) {
      const { data, width, height, channels } = picture;
      this.faces.set(picture, this._upload(this._texture(this.gl.LINEAR), data, width, height, channels));
    }
    return this.faces.get(picture);
  }
}
