// Draws frames of expression.js with WebGL 2. See raster_cpu.js for the same in plain JavaScript.

import { GlMesh, depths } from "./gl_mesh.js";
import { COPY, DOUBLE, QUAD_VERTEX } from "./shaders.js";
import { ringTriangles, stripsWithin } from "./turning.js";

const AROUND = 1.6; // sizes of the oval: the strips of a turn in which an edit may show lie within

export class GlRaster extends GlMesh {
  constructor(model, canvas) {
    super(model, canvas);
    this.reset();
  }

  // Creates everything anew, at first and after the context was lost.
  reset() {
    super.reset();
    const { gl, model } = this;
    this.surfaces = new Map();
    this.offscreen = [];
    this.programs.double = this._program(QUAD_VERTEX, DOUBLE);
    this.programs.copy = this._program(QUAD_VERTEX, COPY);
    const rings = ringTriangles(model.lines);
    this.rings = rings.length;
    this.turned = this._mesh(rings.length + model.triangles.length);
    gl.bindVertexArray(this.turned.array);
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 0, Uint16Array.from([...rings, ...model.triangles]));
    gl.bindVertexArray(null);
  }

  // Keeps the pixels of a part of the photo, a canvas, under a name; they are doubled, see DOUBLE.
  surface(name, picture, place) {
    const { gl } = this;
    const { width, height } = picture;
    const old = this.surfaces.get(name);
    const fits = old?.width === width && old?.height === height;
    if (old && !fits) this._drop(old.doubled);
    const doubled = fits ? old.doubled : this._framebuffer(2 * width, 2 * height, false);
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

  // Waits until all has been drawn.
  finish() {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  _offscreen(number, width, height) {
    const old = this.offscreen[number];
    if (old?.width === width && old.height === height) return old;
    if (old) this._drop(old);
    const made = this._framebuffer(width, height, true);
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
    const { vertices } = frame.turn;
    this._fill(this.turned, vertices);
    for (const texture of [surface.texture, between.texture]) texture && this._mirror(texture, surface, portrait, vertices);
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
}
