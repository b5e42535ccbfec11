// The shaders of the mesh. Positions are in pixels of the portrait's file, colours in grey levels.

import { COMMON, PHOTO } from "./shader_parts.js";
import { STEP } from "./shading.js";

const MESH_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 place;
layout(location = 1) in vec2 source;
layout(location = 2) in vec2 canonical;
uniform vec3 view;
uniform vec2 size;
uniform float flip;
uniform vec2 depth;
out vec2 where; // in the texture of the photo, or in pixels of it for TURNS
out vec2 from;
out vec2 uv;
void main() {
  vec2 t = (place.xy * view.x + view.yz) / size * 2.0 - 1.0;
  gl_Position = vec4(t.x, t.y * flip, clamp((place.z - depth.x) * depth.y, -1.0, 1.0), 1.0);
  where = source * view.x + view.yz;
#ifndef TURNS
  where = (2.0 * where - 0.5) / (2.0 * size); // as in photoAt
#endif
  from = source;
  uv = canonical;
}`;

export const QUAD_VERTEX = `#version 300 es
precision highp float;
uniform vec3 view;
uniform vec2 size;
uniform float flip;
uniform vec4 box;
out vec2 at;
void main() {
  at = mix(box.xy, box.zw, vec2(gl_VertexID & 1, gl_VertexID >> 1));
  vec2 t = (at * view.x + view.yz) / size * 2.0 - 1.0;
  gl_Position = vec4(t.x, t.y * flip, -1.0, 1.0);
}`;

// The words in capitals say what a part of the mesh needs: software runs both sides of every branch.
const MESH_BODY = `
uniform sampler2D photo;
in vec2 where;
#if defined(ADDS) || defined(LIFTS)
in vec2 from;
#endif
#ifdef ADDS
in vec2 uv;
uniform sampler2D added;
uniform sampler2D creases;
uniform vec4 cheeks; // corner and size
uniform float smile; // the share of one that disappears
#endif
#ifdef LIFTS
uniform sampler2D skin0;
uniform vec2 lifts;
uniform vec4 lids[2]; // corner and size
vec3 lifted(sampler2D skin, vec4 lid, float share, vec3 value) {
  vec2 q = (from - lid.xy) / lid.zw;
  vec4 found = texture(skin, q);
  if (q.x < 0.0 || q.y < 0.0 || q.x > 1.0 || q.y > 1.0) return value;
  return mix(value, 255.0 * found.rgb, share * found.a);
}
#endif
#ifdef BOTH
uniform sampler2D skin1;
#endif
void main() {
#ifdef TURNS
  vec3 value = 255.0 * cubic(photo, size, where).rgb;
#else
  vec3 value = 255.0 * texture(photo, where).rgb;
#endif
#ifdef LIFTS
  value = lifted(skin0, lids[0], lifts.x, value);
#endif
#ifdef BOTH
  value = lifted(skin1, lids[1], lifts.y, value);
#endif
#ifdef ADDS
  vec2 q = (from - cheeks.xy) / cheeks.zw;
  if (q.x >= 0.0 && q.y >= 0.0 && q.x <= 1.0 && q.y <= 1.0) value += smile * (255.0 * texture(creases, q).rgb - CREASES_NONE);
  value += float(${127 * STEP}) * (texture(added, uv).rgb * (255.0 / 127.0) - 1.0);
#endif
  colour = finished(value, 1.0);
}`;

// The shaders of a mesh that needs this and that, as [vertex, fragment].
function meshOf(...names) {
  const defines = names.map((name) => `#define ${name}\n`).join("");
  return [MESH_VERTEX.replace("\n", `\n${defines}`), `${COMMON}${defines}${MESH_BODY}`];
}

export const MESHES = { turning: meshOf("TURNS") };
for (const [name, ...needs] of [["plain"], ["lid", "LIFTS"], ["lids", "LIFTS", "BOTH"]]) {
  MESHES[name] = meshOf(...needs);
  MESHES[`${name}+`] = meshOf(...needs, "ADDS");
}

// Doubles a picture: every second pixel is one of its own, so that bilinear samples are almost as sharp as cubic ones,
// and those of pixels that stay are exact.
export const DOUBLE = `${COMMON}
uniform sampler2D photo;
void main() { colour = cubic(photo, size / 2.0, floor(gl_FragCoord.xy) / 2.0 + 0.5); }`;

export const COPY = `${COMMON}${PHOTO}
in vec2 at;
void main() { colour = finished(photoAt(at), 1.0); }`;
