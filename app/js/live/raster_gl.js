// Draws frames of expression.js with WebGL 2. See raster_cpu.js for the same in plain JavaScript.

import { POINTS } from "./model.js";
import { CELLS } from "./opening.js";
import { Parts } from "./parts.js";
import { COPY, DOUBLE, EYE, LASHES, MESHES, MESH_VERTEX, MOUTHS, QUAD_VERTEX } from "./shaders.js";
import { ringTriangles, stripsWithin } from "./turning.js";

const UNITS = ["photo", "added", "skin0", "skin1", "lines", "white", "iris", "reflection", "lashes", "below", "teeth"];

const AROUND = 1.6; // sizes of the oval: the strips of a turn in which an edit may show lie within

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
    this.faces = new WeakMap(); // textures of portraits, and of the mouths of donors
    this.offscreen = [];
    this.bytes = new Uint8Array(4 * model.side * model.side).fill(127);
    this.programs = {
      ...Object.fromEntries(Object.entries(MESHES).map(([name, body]) => [name, this._program(MESH_VERTEX, body)])),
      double: this._program(QUAD_VERTEX, DOUBLE),
      copy: this._program(QUAD_VERTEX, COPY),
      eye: this._program(QUAD_VERTEX, EYE),
      lashes: this._program(QUAD_VERTEX, LASHES),
      teeth: this._program(QUAD_VERTEX, MOUTHS.teeth),
      donor: this._program(QUAD_VERTEX, MOUTHS.donor),
    };
    this.parts ??= new Parts(model);
    this.edited = this._mesh(this.parts.triangles.length);
    const rings = ringTriangles(model.lines);
    this.rings = rings.length;
    this.turned = this._mesh(rings.length + model.triangles.length);
    gl.bindVertexArray(this.turned.array);
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 0, Uint16Array.from([...rings, ...model.triangles]));
    gl.bindVertexArray(null);
    this.added = this._texture(gl.LINEAR);
    this.lines = this._texture(gl.NEAREST);
    this.below = this._texture(gl.NEAREST);
    this.empty = this._upload(this._texture(gl.NEAREST), new Uint8Array(4), 1, 1);
  }

  // Keeps the pixels of a part of the photo, a canvas, under a name; they are doubled, see DOUBLE.
  surface(name, picture, place) {
    const { gl } = this;
    const { width, height } = picture;
    const old = this.surfaces.get(name);
    const fits = old?.width === width && old?.height === height;
    if (old && !fits) this._drop(old.doubled);
    const doubled = fits ? old.doubled : this._framebuffer(2 * width, 2 * height, gl.MIRRORED_REPEAT, false);
    const plain = this._texture(gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    const whole = { width: 2 * width, height: 2 * height };
    this._into(doubled, whole);
    this._use("double", whole, null, doubled);
    this._bind("photo", plain);
    this._quad([0, 0, whole.width, whole.height]);
    gl.deleteTexture(plain);
    this.surfaces.set(name, { doubled, texture: doubled.texture, width, height, ...place });
  }

  // Draws frames of faces, a list of { portrait, frame }, over a surface: into the canvas, which stays transparent where
  // nothing changes, or into pixels RGBA, which are returned.
  draw(name, drawn, { read = false } = {}) {
    const surface = this.surfaces.get(name);
    const { width, height } = surface;
    if (!read && (this.canvas.width !== width || this.canvas.height !== height)) {
      Object.assign(this.canvas, { width, height });
    }
    const target = read ? this._offscreen(1, width, height) : { framebuffer: null, flip: -1 };
    const between = drawn.some(({ frame }) => frame.turn && !frame.nothing) && this._offscreen(0, width, height);
    this._into(target, surface);
    if (read) this._copy(surface, target, [0, 0, width, height]);
    for (const { portrait, frame } of drawn) {
      if (!frame.turn) this._face(surface, portrait, frame, target);
      else this._turnedFace(surface, portrait, frame, target, between);
    }
    return read ? this._read(target, width, height) : null;
  }

  dispose() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  _offscreen(number, width, height) {
    const old = this.offscreen[number];
    if (old?.width === width && old.height === height) return old;
    if (old) this._drop(old);
    const made = this._framebuffer(width, height, this.gl.MIRRORED_REPEAT, true);
    return (this.offscreen[number] = Object.assign(made, { width, height }));
  }

  // Starts to draw into a target, which is empty and transparent.
  _into(target, { width, height }) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, target.framebuffer);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.disable(gl.BLEND);
    gl.disable(gl.DEPTH_TEST);
  }

  // Draws the surface's own pixels in a box [left, top, right, bottom] of it.
  _copy(surface, target, box) {
    this._use("copy", surface, null, target);
    this._bind("photo", surface.texture);
    this._quad(box);
  }

  // Draws a turned head: first the edit alone, in between, if there is one.
  _turnedFace(surface, portrait, frame, target, between) {
    const { gl } = this;
    const within = frame.nothing ? 0 : 6 * this.model.lines.oval.length * stripsWithin(frame.turn.degrees);
    if (!frame.nothing) {
      this._into(between, surface);
      const [left, top, right, bottom] = portrait.box(AROUND);
      const { zoom } = surface;
      this._copy(surface, between, [
        (left - surface.left) * zoom, (top - surface.top) * zoom, (right - surface.left) * zoom, (bottom - surface.top) * zoom]);
      this._face(surface, portrait, frame, between);
      gl.bindFramebuffer(gl.FRAMEBUFFER, target.framebuffer);
    }
    this._fill(this.turned, frame.turn.vertices);
    const outside = this.rings - within;
    this._turn("plain", surface, surface.texture, portrait, frame, target);
    gl.drawElements(gl.TRIANGLES, outside, gl.UNSIGNED_SHORT, 0);
    if (!frame.nothing) this._turn("turning", surface, between.texture, portrait, frame, target);
    gl.drawElements(gl.TRIANGLES, within, gl.UNSIGNED_SHORT, 2 * outside);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    gl.drawElements(gl.TRIANGLES, this.turned.count - this.rings, gl.UNSIGNED_SHORT, 2 * this.rings);
    gl.disable(gl.DEPTH_TEST);
    gl.bindVertexArray(null);
  }

  _turn(program, surface, texture, portrait, frame, target) {
    const set = this._use(program, surface, portrait, target);
    set.vec2("depth", depths(frame.turn.vertices));
    this._bind("photo", texture);
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
    this._bind("lines", this.lines);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, CELLS, 4, 0, gl.RGBA, gl.FLOAT, lines);
    if (!added) return;
    const { side } = this.model;
    this.most = packed(added, this.model.texels, this.bytes);
    this._bind("added", this.added);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, side, side, 0, gl.RGBA, gl.UNSIGNED_BYTE, this.bytes);
  }

  // Draws the triangles that change, the nearer over the further.
  _drawMesh(surface, portrait, frame, target, layers) {
    const { gl } = this;
    const lists = this.parts.split(portrait, frame, surface.zoom * portrait.scale);
    this._fill(this.edited, frame.vertices);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    let start = 0;
    ["plain", "adding", "mending"].forEach((program, kind) => {
      const list = lists[kind];
      if (!list.length) return;
      const set = this._use(program, surface, portrait, target);
      this._bind("photo", surface.texture);
      set.vec2("depth", depths(frame.vertices));
      if (kind > 0) set.float("most", frame.added ? this.most : 0);
      if (kind > 1) this._mend(set, portrait, frame, layers);
      gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 2 * start, list);
      gl.drawElements(gl.TRIANGLES, list.length, gl.UNSIGNED_SHORT, 2 * start);
      start += list.length;
    });
    gl.bindVertexArray(null);
  }

  _mend(set, portrait, frame, layers) {
    this._bind("skin0", layers.skin[0]);
    this._bind("skin1", layers.skin[1]);
    set.opening("old", portrait.lips);
    set.vec2("lifts", frame.lifts);
    portrait.eyes.forEach((eye, k) => eye && set.vec4(`lids[${k}]`, [...eye.lidCorner, ...layers.skinSize[k]]));
    set.vec2("hidden", [frame.hidden.share, frame.hidden.soft]);
    set.vec3("between", portrait.mouth.between);
  }

  _fill(mesh, vertices) {
    const { gl } = this;
    gl.bindVertexArray(mesh.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.DYNAMIC_DRAW);
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
    const { donor } = mouth;
    const set = this._use(donor ? "donor" : "teeth", surface, portrait, target);
    this._bind("photo", surface.texture);
    this._bind("teeth", donor ? this._donor(donor.picture) : layers.teeth);
    set.opening("old", mouth.old);
    set.opening("now", mouth.now);
    set.vec3("between", mouth.between);
    set.vec2("shift", mouth.shift);
    for (const name of ["share", "soft", "gap", "apart", "kept", "wider", "opens", "line", "lineWidth"]) {
      set.float(name, mouth[name]);
    }
    set.float("ownLight", mouth.brightness);
    if (donor) {
      set.vec2("teethSize", [donor.picture.width, donor.picture.height]);
      set.opening("donor", donor.opening);
      set.float("donorWider", donor.wider);
      set.vec3("gain", donor.gain);
    }
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

  _donor(picture) {
    if (!this.faces.has(picture)) {
      const { data, width, height, channels } = picture;
      this.faces.set(picture, this._upload(this._texture(this.gl.LINEAR), data, width, height, channels));
    }
    return this.faces.get(picture);
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

  _framebuffer(width, height, wrap, hasDepth) {
    const { gl } = this;
    const [framebuffer, texture] = [gl.createFramebuffer(), this._texture(gl.LINEAR, wrap)];
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    const depth = hasDepth ? gl.createRenderbuffer() : null;
    if (depth) {
      gl.bindRenderbuffer(gl.RENDERBUFFER, depth);
      gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT16, width, height);
      gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, depth);
    }
    return { framebuffer, texture, depth, flip: 1 };
  }

  _drop({ framebuffer, texture, depth }) {
    this.gl.deleteFramebuffer(framebuffer);
    this.gl.deleteTexture(texture);
    if (depth) this.gl.deleteRenderbuffer(depth);
  }

  _read({ framebuffer }, width, height) {
    const { gl } = this;
    const pixels = new Uint8ClampedArray(4 * width * height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return pixels;
  }

  // A mesh of at most `count` numbers of points, whose vertices and triangles come with every frame.
  _mesh(count) {
    const { gl, model } = this;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 20, 0);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 2, gl.FLOAT, false, 20, 12);
    const canonical = new Float32Array(4 * POINTS); // zeros for the points of rings
    for (let i = 0; i < POINTS; i++) for (let d = 0; d < 2; d++) canonical[2 * i + d] = model.canonical[3 * i + d];
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, canonical, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(2);
    gl.vertexAttribPointer(2, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, 2 * count, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(null);
    return { array, buffer, count };
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

// The middle of the depths of vertices, and the scale that maps them to -1..1.
function depths(vertices) {
  let [nearest, furthest] = [Infinity, -Infinity];
  for (let i = 2; i < 5 * POINTS; i += 5) {
    nearest = Math.min(nearest, vertices[i]);
    furthest = Math.max(furthest, vertices[i]);
  }
  return [(nearest + furthest) / 2, 1.9 / Math.max(furthest - nearest, 1)];
}

// Writes changes at texels, in grey levels, as bytes, 127 for none; returns the largest, which 0 and 254 stand for.
function packed(added, texels, bytes) {
  let most = 1;
  for (let i = 0; i < texels.length; i++) {
    const at = 4 * texels[i];
    for (let c = at; c < at + 3; c++) most = Math.max(most, Math.abs(added[c]));
  }
  const scale = 127 / most;
  for (let i = 0; i < texels.length; i++) {
    const at = 4 * texels[i];
    for (let c = at; c < at + 3; c++) bytes[c] = 127.5 + scale * added[c];
  }
  return most;
}
