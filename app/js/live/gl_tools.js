// WebGL 2 by names: programs with their uniforms, textures, targets and meshes.

import { POINTS } from "./model.js";
import { CELLS } from "./opening.js";

const UNITS = [
  ...["photo", "added", "skin0", "skin1", "lines", "white", "iris", "reflection"],
  ...["lashes", "grain", "closed", "below", "teeth", "cavity", "reach", "creases"],
];

export class GlTools {
  // Raises Error if the browser has no WebGL 2.
  constructor(model, canvas) {
    this.model = model;
    this.defines = `#define CELLS ${CELLS}\n${defines(model.constants)}`;
    this.canvas = canvas;
    const options = { alpha: true, antialias: false, depth: true, stencil: false, premultipliedAlpha: true };
    this.gl = canvas.getContext("webgl2", options);
    if (!this.gl) throw new Error("This browser has no WebGL 2.");
  }

  get isLost() {
    return this.gl.isContextLost();
  }

  dispose() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
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
      mat3: (uniform, rows) => gl.uniformMatrix3fv(place(uniform), true, rows.flat()),
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
    set.int("monochrome", portrait?.tones ? 1 : 0);
    if (portrait?.tones) set.mat3("tones", portrait.tones);
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

  _upload(texture, values, width, height, channels = 4) {
    const { gl } = this;
    const [inner, format] = { 1: [gl.R8, gl.RED], 3: [gl.RGB8, gl.RGB], 4: [gl.RGBA8, gl.RGBA] }[channels];
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, width, height, 0, format, gl.UNSIGNED_BYTE, values);
    return texture;
  }

  _texture(filter) {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + UNITS.length);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    return texture;
  }

  _framebuffer(width, height, hasDepth) {
    const { gl } = this;
    const [framebuffer, texture] = [gl.createFramebuffer(), this._texture(gl.LINEAR)];
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
      gl.shaderSource(shader, source.replace("\n", `\n${this.defines}`));
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

// Returns definitions for shaders of constants by module, as MODULE_NAME: numbers, and vectors of up to four.
function defines(modules) {
  const float = (value) => (Number.isInteger(value) ? `${value}.0` : `${value}`);
  const lines = Object.entries(modules).flatMap(([module, constants]) => {
    return Object.entries(constants).flatMap(([name, value]) => {
      const values = [value].flat();
      if (values.length > 4 || values.some((one) => typeof one !== "number")) return [];
      const text = values.length > 1 ? `vec${values.length}(${values.map(float).join()})` : float(values[0]);
      return [`#define ${module.toUpperCase()}_${name} ${text}\n`];
    });
  });
  return lines.join("");
}
