// What the shaders of shaders.js and shader_layers.js share.

export const COMMON = `#version 300 es
precision highp float;
precision highp sampler2D;
out vec4 colour;
uniform vec3 view; // pixels of the surface per pixel of the file, and the place of (0, 0)
uniform vec2 size; // of the surface, in pixels
uniform bool monochrome;
uniform mat3 tones; // of a monochrome photo; see rbvae/images/monochrome.py

// Software runs both sides of a branch, but leaves a loop out if no pixel needs it.
#define ONLY_WHERE(needed) for (bool first = needed; first; first = false)

float step01(float t) { return clamp(t, 0.0, 1.0); }
float ramp(float value, float start, float end) { return step01((value - start) / (end - start)); }
float smooth01(float t) { return t * t * (3.0 - 2.0 * t); }

// Samples with OpenCV's cubic kernel at pixels p; the four corners of its 16 pixels are left out.
vec4 cubic(sampler2D picture, vec2 extent, vec2 p) {
  const float A = -0.75;
  vec2 c = floor(p - 0.5) + 0.5, f = p - c, g = 1.0 - f;
  vec2 w0 = A * f * g * g, w3 = A * g * f * f;
  vec2 w2 = ((A + 2.0) * g - (A + 3.0)) * g * g + 1.0;
  vec2 w12 = 1.0 - w0 - w3;
  vec2 a = (c - 1.0) / extent, b = (c + w2 / w12) / extent, d = (c + 2.0) / extent;
  vec4 sum = texture(picture, b) * (w12.x * w12.y);
  sum += texture(picture, vec2(a.x, b.y)) * (w0.x * w12.y) + texture(picture, vec2(d.x, b.y)) * (w3.x * w12.y);
  sum += texture(picture, vec2(b.x, a.y)) * (w12.x * w0.y) + texture(picture, vec2(b.x, d.y)) * (w12.x * w3.y);
  return sum / (w12.x * w12.y + (w0.x + w3.x) * w12.y + w12.x * (w0.y + w3.y));
}
vec3 toned(vec3 value) {
  float y = dot(value, vec3(0.299, 0.587, 0.114));
  return monochrome ? clamp(tones * vec3(1.0, y, y * y), 0.0, 1.0) : value;
}
vec4 finished(vec3 value, float alpha) {
  value = toned(clamp(value, 0.0, 255.0) / 255.0);
  return vec4(value * alpha, alpha);
}
`;

export const OPENINGS = `
uniform sampler2D lines;
const float GROWN = 0.75;
struct Opening { vec2 origin; vec2 along; float width; };
// s and the distance from the axis through the corners.
vec2 coordinates(Opening o, vec2 p) {
  vec2 d = p - o.origin;
  return vec2(dot(d, o.along) / o.width, dot(d, vec2(-o.along.y, o.along.x)));
}
vec2 positions(Opening o, float s, float across) {
  return o.origin + s * o.width * o.along + across * vec2(-o.along.y, o.along.x);
}
vec4 linesAt(int row, float s) {
  float cell = clamp(s, 0.0, 1.0) * float(CELLS - 1);
  int first = min(int(cell), CELLS - 2);
  return mix(texelFetch(lines, ivec2(first, row), 0), texelFetch(lines, ivec2(first + 1, row), 0), cell - float(first));
}
float normal(float x) { return 1.0 / (1.0 + exp(clamp(-1.59576912 * (x + 0.044715 * x * x * x), -18.0, 18.0))); }
// How much of a pixel lies between two lines, blurred by a Gaussian; slopes are those of the lines. OpenCV draws polygons
// with their outline, which makes them larger by GROWN pixels; lines that cross have an inside, too.
float between2(vec2 c, vec2 edge, vec2 slope, float width, float soft) {
  vec2 by = (c.y - vec2(min(edge.x, edge.y), max(edge.x, edge.y))) * inversesqrt(1.0 + slope * slope);
  float across = normal((by.x + GROWN) / soft) - normal((by.y - GROWN) / soft);
  return clamp(across * normal(c.x * width / soft) * normal((1.0 - c.x) * width / soft), 0.0, 1.0);
}
// The lines of an opening after an edit (in z and w) have these slopes.
vec4 slopesAt(int row, float s, float width) {
  float h = 1.0 / float(CELLS - 1);
  return (linesAt(row, s + h) - linesAt(row, s - h)) / (2.0 * h * width);
}
`;

// The photo of a surface, twice as large, see DOUBLE; p is in pixels of the portrait's file.
export const PHOTO = `
uniform sampler2D photo;
vec3 photoAt(vec2 p) { return 255.0 * texture(photo, (2.0 * (p * view.x + view.yz) - 0.5) / (2.0 * size)).rgb; }
`;
