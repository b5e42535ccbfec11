// Draws frames of expression.js with WebGL 2. See raster_cpu.js for the same in plain JavaScript.

import { POINTS } from "./model.js";
import { CELLS } from "./opening.js";
import { COPY, EYE, LASHES, MESH, MESH_VERTEX, MOUTH, QUAD_VERTEX } from "./shaders.js";
import { ringTriangles } from "./turning.js";

const UNITS = ["photo", "added", "skin0", "skin1", "lines", "white", "iris", "reflection", "lashes", "below", "teeth"];

export class GlRaster {
  // Raises Error if the browser has no WebGL 2.
  constructor(model, canvas) {
    this.model = model;
    this.canvas = canvas;
    const options = { alpha: true, antialias: false, depth: true, stencil: false, premultipliedAlpha: true };
    this.gl = canvas.getContext("webgl2", options);
    if (!this.gl) throw new Error("This browser has no WebGL 2.");
    this.reset();
  }

  get isLost() {
    return this.gl.isContextLost();
  }

  // Creates everything anew, at first and after the context was lost.
  reset() {
    const { gl, model } = this;
    this.surfaces = new Map();
    this.faces = new WeakMap();
    this.offscreen = null;
    this.programs = {
      mesh: this._program(MESH_VERTEX, MESH),
      copy: this._program(QUAD_VERTEX, COPY),
      eye: this._program(QUAD_VERTEX, EYE),
      lashes: this._program(QUAD_VERTEX, LASHES),
      mouth: this._program(QUAD_VERTEX, MOUTH),
    };
    const oval = model.lines.oval;
    const around = oval.flatMap((a, k) => {
      const [b, next] = [oval[(k + 1) % oval.length], POINTS + ((k + 1) % oval.length)];
      return [a, b, POINTS + k, b, next, POINTS + k];
    });
    this.edited = this._mesh(Uint16Array.from([...around, ...model.triangles]), around.length);
    const rings = ringTriangles(model.lines);
    this.turned = this._mesh(Uint16Array.from([...rings, ...model.triangles]), rings.length);
    this.added = this._texture(gl.LINEAR);
    this.lines = this._texture(gl.NEAREST);
    this.below = this._texture(gl.NEAREST);
    this.empty = this._upload(this._texture(gl.NEAREST), new Uint8Array(4), 1, 1);
  }

  // Keeps the pixels of a part of the photo, a canvas, under a name.
  surface(name, picture, place) {
    const old = this.surfaces.get(name);
    const texture = old?.texture ?? this._texture(this.gl.LINEAR);
    this.gl.activeTexture(this.gl.TEXTURE0 + UNITS.length);
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
    this.gl.pixelStorei(this.gl.UNPACK_ALIGNMENT, 4);
    const { RGBA, UNSIGNED_BYTE, TEXTURE_2D } = this.gl;
    this.gl.texImage2D(TEXTURE_2D, 0, RGBA, RGBA, UNSIGNED_BYTE, picture);
    this.surfaces.set(name, { texture, width: picture.width, height: picture.height, ...place });
  }

  // Draws frames of faces, a list of { portrait, frame }, over a surface: into the canvas, which stays transparent where
  // nothing changes, or into pixels RGBA, which are returned.
  draw(name, drawn, { read = false } = {}) {
    const { gl } = this;
    const surface = this.surfaces.get(name);
    const { width, height } = surface;
    const turns = drawn.some(({ frame }) => frame.turn);
    if (!read && (this.canvas.width !== width || this.canvas.height !== height)) {
      Object.assign(this.canvas, { width, height });
    }
    const [first, last] = this._targets(width, height, turns, read);
    this._into(first, surface, turns || read);
    for (const { portrait, frame } of drawn) if (!frame.nothing) this._face(surface, portrait, frame, first);
    if (turns) {
      this._into(last, { ...surface, texture: first.texture }, true);
      for (const { portrait, frame } of drawn) if (frame.turn) this._turn(surface, first.texture, portrait, frame, last);
    }
    return read ? this._read(last, width, height) : null;
  }

  dispose() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  _targets(width, height, turns, read) {
    const canvas = { framebuffer: null, flip: -1 };
    if (!turns && !read) return [canvas, canvas];
    if (this.offscreen?.width !== width || this.offscreen?.height !== height) {
      this.offscreen?.targets.forEach((target) => this._drop(target));
      this.offscreen = { width, height, targets: [this._framebuffer(width, height), this._framebuffer(width, height)] };
    }
    const [a, b] = this.offscreen.targets;
    if (!turns) return [a, a];
    return read ? [a, b] : [a, canvas];
  }

  // Starts drawing into a target, from the surface's own pixels or from nothing.
  _into(target, surface, copies) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, target.framebuffer);
    gl.viewport(0, 0, surface.width, surface.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clearDepth(1);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.disable(gl.BLEND);
    gl.disable(gl.DEPTH_TEST);
    if (!copies) return;
    this._use("copy", surface, null, target);
    this._bind("photo", surface.texture);
    this._quad([0, 0, surface.width, surface.height]);
  }

  _face(surface, portrait, frame, target) {
    const { gl } = this;
    const layers = this._layers(portrait);
    this._uploadFrame(frame);
    this._bind("lines", this.lines);
    this._drawMesh(surface, portrait, frame, target, layers);
    gl.disable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    frame.eyes.forEach((eye, number) => eye && this._eye(surface, portrait, eye, number, layers, target));
    gl.disable(gl.BLEND);
    frame.lashes.forEach((lid, number) => lid && this._lashes(surface, portrait, lid, number, layers, target));
    gl.enable(gl.BLEND);
    if (frame.mouth) this._mouth(surface, portrait, frame.mouth, layers, target);
    gl.disable(gl.BLEND);
  }

  _uploadFrame({ lines, added }) {
    const { gl } = this;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    gl.activeTexture(gl.TEXTURE0 + UNITS.indexOf("lines"));
    gl.bindTexture(gl.TEXTURE_2D, this.lines);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, CELLS, 4, 0, gl.RGBA, gl.FLOAT, lines);
    if (!added) return;
    const { side } = this.model;
    gl.activeTexture(gl.TEXTURE0 + UNITS.indexOf("added"));
    gl.bindTexture(gl.TEXTURE_2D, this.added);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, side, side, 0, gl.RGBA, gl.FLOAT, added);
  }

  _drawMesh(surface, portrait, frame, target, layers) {
    const { gl } = this;
    const set = this._use("mesh", surface, portrait, target);
    this._bind("photo", surface.texture);
    this._bind("skin0", layers.skin[0]);
    this._bind("skin1", layers.skin[1]);
    set.opening("old", portrait.lips);
    set.vec2("lifts", frame.lifts);
    portrait.eyes.forEach((eye, k) => eye && set.vec4(`lids[${k}]`, [...eye.lidCorner, ...layers.skinSize[k]]));
    set.vec2("hidden", [frame.hidden.share, frame.hidden.soft]);
    set.vec3("between", portrait.mouth.between);
    set.int("all", frame.lashes.some(Boolean) ? 1 : 0);
    this._triangles(this.edited, frame.vertices, set, Boolean(frame.added));
  }

  _turn(surface, texture, portrait, frame, target) {
    const set = this._use("mesh", surface, portrait, target);
    this._bind("photo", texture);
    set.vec2("lifts", [0, 0]);
    set.vec2("hidden", [0, 0]);
    set.int("all", 0);
    this._triangles(this.turned, frame.turn, set, false);
  }

  // Draws the triangles around the face, then those of the face, the nearer over the further.
  _triangles(mesh, vertices, set, adds) {
    const { gl } = this;
    let [nearest, furthest] = [Infinity, -Infinity];
    for (let i = 2; i < 5 * POINTS; i += 5) {
      nearest = Math.min(nearest, vertices[i]);
      furthest = Math.max(furthest, vertices[i]);
    }
    set.vec2("depth", [(nearest + furthest) / 2, 1.9 / Math.max(furthest - nearest, 1)]);
    gl.bindVertexArray(mesh.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.DYNAMIC_DRAW);
    gl.disable(gl.DEPTH_TEST);
    set.int("adds", 0);
    gl.drawElements(gl.TRIANGLES, mesh.around, gl.UNSIGNED_SHORT, 0);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    set.int("adds", adds ? 1 : 0);
    gl.drawElements(gl.TRIANGLES, mesh.count - mesh.around, gl.UNSIGNED_SHORT, 2 * mesh.around);
    gl.disable(gl.DEPTH_TEST);
    gl.bindVertexArray(null);
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
    set.float("share", eye.share);
    const blur = Math.max(eye.blur, 0.4 / surface.zoom / portrait.scale);
    set.float("blur", blur);
    set.int("shines", place.reflection ? 1 : 0);
    this._quad(eye.now.box(3 * blur + 2));
  }

  _lashes(surface, portrait, lid, number, layers, target) {
    const { gl } = this;
    const [left, top, right, bottom] = lid.now.box(0.3 * lid.now.width);
    const set = this._use("lashes", surface, portrait, target);
    const [k, ox, oy] = this._view(surface, portrait);
    const low = [left * k + ox, top * k + oy].map((value) => Math.max(0, Math.floor(value) - 10));
    const high = [right * k + ox, bottom * k + oy].map((value, d) => {
      return Math.min(d ? surface.height : surface.width, Math.ceil(value) + 10);
    });
    const [width, height] = [high[0] - low[0], high[1] - low[1]];
    if (width <= 0 || height <= 0) return;
    const y = target.flip < 0 ? surface.height - high[1] : low[1];
    gl.activeTexture(gl.TEXTURE0 + UNITS.indexOf("below"));
    gl.bindTexture(gl.TEXTURE_2D, this.below);
    gl.copyTexImage2D(gl.TEXTURE_2D, 0, gl.RGBA, low[0], y, width, height, 0);
    this._bind("lashes", layers.lashes[number]);
    set.vec2("corner", [low[0], y]);
    set.vec2("extent", [width, height]);
    set.opening("old", lid.old);
    set.opening("now", lid.now);
    set.int("row", 1 + number);
    set.vec4("patch_", [...portrait.eyes[number].lidCorner, ...layers.skinSize[number]]);
    set.float("share", lid.share);
    this._quad([left, top, right, bottom]);
  }

  _mouth(surface, portrait, mouth, layers, target) {
    const set = this._use("mouth", surface, portrait, target);
    this._bind("photo", surface.texture);
    this._bind("teeth", layers.teeth);
    set.opening("old", mouth.old);
    set.opening("now", mouth.now);
    set.vec3("between", mouth.between);
    set.vec2("shift", mouth.shift);
    for (const name of ["share", "soft", "gap", "apart", "kept", "wider", "opens", "line", "lineWidth"]) {
      set.float(name, mouth[name]);
    }
    set.float("ownLight", mouth.brightness);
    if (mouth.teeth) {
      const { edge, s, across, along, down, gain, brightness } = mouth.teeth;
      set.vec2("teethSize", layers.teethSize);
      set.vec2("edge", edge);
      set.vec4("rowPlace", [s, across, along, down]);
      set.vec3("gain", gain);
      set.float("teethLight", brightness);
    }
    this._quad(mouth.now.box(mouth.margin));
  }

  // Pixels of the surface per pixel of the portrait's file, and the place of (0, 0) in it.
  _view({ zoom, left, top }, portrait) {
    if (!portrait) return [1, 0, 0];
    return [zoom * portrait.scale, (portrait.origin[0] - left) * zoom, (portrait.origin[1] - top) * zoom];
  }

  _use(name, surface, portrait, { flip }) {
    const { gl } = this;
    const { program, places } = this.programs[name];
    gl.useProgram(program);
    const place = (uniform) => (places[uniform] ??= gl.getUniformLocation(program, uniform));
    const set = {
      int: (uniform, value) => gl.uniform1i(place(uniform), value),
      float: (uniform, value) => gl.uniform1f(place(uniform), value),
      vec2: (uniform, value) => gl.uniform2fv(place(uniform), value),
      vec3: (uniform, value) => gl.uniform3fv(place(uniform), value),
      vec4: (uniform, value) => gl.uniform4fv(place(uniform), value),
      opening: (uniform, { origin, along, width }) => {
        gl.uniform2fv(place(`${uniform}.origin`), origin);
        gl.uniform2fv(place(`${uniform}.along`), along);
        gl.uniform1f(place(`${uniform}.width`), width);
      },
    };
    this.set = set;
    set.vec3("view", this._view(surface, portrait));
    set.vec2("size", [surface.width, surface.height]);
    set.float("flip", flip);
    set.int("grey", portrait?.grey ? 1 : 0);
    return set;
  }

  _quad(box) {
    this.set.vec4("box", box);
    this.gl.drawArrays(this.gl.TRIANGLE_STRIP, 0, 4);
  }

  _bind(unit, texture) {
    this.gl.activeTexture(this.gl.TEXTURE0 + UNITS.indexOf(unit));
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
  }

  // The textures of a portrait's eyes, lids and teeth.
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
      ballSize: eyes.map((eye) => eye && size(eye.layers[0])),
      skinSize: eyes.map((eye) => eye && size(eye.skin)),
      teeth: upload("teeth"),
      teethSize: size("teeth"),
    };
    this.faces.set(portrait, layers);
    return layers;
  }

  _upload(texture, values, width, height, channels = 4) {
    const { gl } = this;
    const [inner, format] = { 1: [gl.R8, gl.RED], 3: [gl.RGB8, gl.RGB], 4: [gl.RGBA8, gl.RGBA] }[channels];
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, width, height, 0, format, gl.UNSIGNED_BYTE, values);
    return texture;
  }

  _texture(filter, wrap = this.gl.CLAMP_TO_EDGE) {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + UNITS.length);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, wrap);
    return texture;
  }

  _framebuffer(width, height) {
    const { gl } = this;
    const [framebuffer, texture, depth] = [
      gl.createFramebuffer(), this._texture(gl.LINEAR, gl.MIRRORED_REPEAT), gl.createRenderbuffer()];
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    gl.bindRenderbuffer(gl.RENDERBUFFER, depth);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT16, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, depth);
    return { framebuffer, texture, depth, flip: 1 };
  }

  _drop({ framebuffer, texture, depth }) {
    this.gl.deleteFramebuffer(framebuffer);
    this.gl.deleteTexture(texture);
    this.gl.deleteRenderbuffer(depth);
  }

  _read({ framebuffer }, width, height) {
    const { gl } = this;
    const pixels = new Uint8ClampedArray(4 * width * height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return pixels;
  }

  _mesh(triangles, around) {
    const { gl, model } = this;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 20, 0);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 2, gl.FLOAT, false, 20, 12);
    const canonical = new Float32Array(2 * (Math.max(...triangles) + 1));
    for (let i = 0; i < POINTS; i++) for (let d = 0; d < 2; d++) canonical[2 * i + d] = model.canonical[3 * i + d];
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, canonical, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(2);
    gl.vertexAttribPointer(2, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    return { array, buffer, around, count: triangles.length };
  }

  _program(vertex, fragment) {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source.replaceAll("CELLS", CELLS));
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      const notes = gl.getAttachedShaders(program).map((shader) => gl.getShaderInfoLog(shader));
      throw new Error(`A shader is invalid: ${notes.join(" ")} ${gl.getProgramInfoLog(program)}`);
    }
    gl.useProgram(program);
    UNITS.forEach((name, unit) => gl.uniform1i(gl.getUniformLocation(program, name), unit));
    return { program, places: {} };
  }
}
