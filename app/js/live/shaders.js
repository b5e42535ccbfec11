// The shaders of raster_gl.js. Positions are in pixels of the portrait's file, colours in grey levels.

const COMMON = `#version 300 es
precision highp float;
precision highp sampler2D;
out vec4 colour;
uniform vec3 view; // pixels of the surface per pixel of the file, and the place of (0, 0)
uniform vec2 size; // of the surface, in pixels
uniform bool grey;

float step01(float t) { return clamp(t, 0.0, 1.0); }
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
vec4 finished(vec3 value, float alpha) {
  value = clamp(value, 0.0, 255.0) / 255.0;
  if (grey) value = vec3(dot(value, vec3(0.299, 0.587, 0.114)));
  return vec4(value * alpha, alpha);
}
`;

const OPENINGS = `
uniform sampler2D lines;
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
float normal(float x) { return 0.5 + 0.5 * tanh(clamp(0.79788456 * (x + 0.044715 * x * x * x), -9.0, 9.0)); }
// How much of a pixel lies between two lines, blurred by a Gaussian; slopes are those of the lines.
float between2(float across, vec2 edge, vec2 slope, float soft) {
  vec2 by = (across - edge) * inversesqrt(1.0 + slope * slope) / soft;
  return min(abs(normal(by.x) - normal(by.y)), 1.0); // lines that cross still have an inside
}
// The lines of an opening after an edit (in z and w) have these slopes.
vec4 slopesAt(int row, float s, float width) {
  float h = 1.0 / float(CELLS - 1);
  return (linesAt(row, s + h) - linesAt(row, s - h)) / (2.0 * h * width);
}
`;

const PHOTO = `
uniform sampler2D photo; // twice as large, see DOUBLE
vec3 photoAt(vec2 p) { return 255.0 * texture(photo, (2.0 * (p * view.x + view.yz) - 0.5) / (2.0 * size)).rgb; }
`;

export const MESH_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 place;
layout(location = 1) in vec2 source;
layout(location = 2) in vec2 canonical;
uniform vec3 view;
uniform vec2 size;
uniform float flip;
uniform vec2 depth;
out vec2 at;
out vec2 from;
out vec2 uv;
void main() {
  vec2 t = (place.xy * view.x + view.yz) / size * 2.0 - 1.0;
  gl_Position = vec4(t.x, t.y * flip, clamp((place.z - depth.x) * depth.y, -1.0, 1.0), 1.0);
  at = place.xy;
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

// ADDS and MENDS say what a part of the mesh needs: software runs both sides of every branch.
const MESH_BODY = `
in vec2 at;
in vec2 from;
in vec2 uv;
#ifdef ADDS
uniform sampler2D added;
uniform float most; // grey levels of the largest change
#endif
#ifdef MENDS
uniform sampler2D skin0;
uniform sampler2D skin1;
uniform vec2 lifts;
uniform vec4 lids[2]; // corner and size
uniform vec2 hidden; // share and softness
uniform vec3 between;
uniform Opening old;
vec3 lifted(sampler2D skin, vec4 lid, float share, vec3 value) {
  vec2 q = (from - lid.xy) / lid.zw;
  vec4 found = texture(skin, q);
  if (q.x < 0.0 || q.y < 0.0 || q.x > 1.0 || q.y > 1.0) return value;
  return mix(value, 255.0 * found.rgb, share * found.a);
}
#endif
void main() {
#ifdef TURNS
  vec3 value = 255.0 * cubic(photo, size, from * view.x + view.yz).rgb;
#else
  vec3 value = photoAt(from);
#endif
#ifdef MENDS
  value = lifted(skin0, lids[0], lifts.x, value);
  value = lifted(skin1, lids[1], lifts.y, value);
  vec2 c = coordinates(old, from);
  vec2 edge = linesAt(0, c.x).xy;
  value = mix(value, between, hidden.x * between2(c.y, edge, slopesAt(0, c.x, old.width).xy, hidden.y));
#endif
#ifdef ADDS
  value += most * (texture(added, uv).rgb * (255.0 / 127.0) - 1.0);
#endif
  colour = finished(value, 1.0);
}`;

const meshOf = (...names) =>
  `${COMMON}${names.map((name) => `#define ${name}\n`).join("")}${names.includes("MENDS") ? OPENINGS : ""}${PHOTO}${MESH_BODY}`;
export const MESHES = {
  plain: meshOf(),
  adding: meshOf("ADDS"),
  mending: meshOf("ADDS", "MENDS"),
  turning: meshOf("TURNS"),
};

// Doubles a picture: every second pixel is one of its own, so that bilinear samples are almost as sharp as cubic ones,
// and those of pixels that stay are exact.
export const DOUBLE = `${COMMON}
uniform sampler2D photo;
void main() { colour = cubic(photo, size / 2.0, floor(gl_FragCoord.xy) / 2.0 + 0.5); }`;

export const COPY = `${COMMON}${PHOTO}
in vec2 at;
void main() { colour = finished(photoAt(at), 1.0); }`;

export const EYE = `${COMMON}${OPENINGS}${PHOTO}
in vec2 at;
uniform sampler2D white;
uniform sampler2D iris;
uniform sampler2D reflection;
uniform Opening old;
uniform Opening now;
uniform int row;
uniform vec4 patch_; // corner and size
uniform vec3 disc; // centre and radius of the iris
uniform vec2 gaze;
uniform float share;
uniform float blur;
uniform bool shines;
vec4 layer(sampler2D picture, vec2 p) { return 255.0 * cubic(picture, patch_.zw, p); }
vec3 ball(vec2 p) {
  vec2 q = p - patch_.xy, moved = q - gaze;
  float far = length(gaze);
  if (far > 0.0) {
    vec2 along = gaze / far;
    float turned = min(0.6, far / (1.7 * disc.z));
    moved += along * dot(moved - disc.xy + patch_.xy, along) * (inversesqrt(1.0 - turned * turned) - 1.0);
  }
  vec4 front = layer(iris, moved);
  vec3 value = layer(white, q).rgb * (1.0 - front.a / 255.0) + front.rgb;
  return shines ? value + layer(reflection, q - 0.4 * gaze).rgb : value;
}
void main() {
  vec2 c = coordinates(now, at);
  vec4 l = linesAt(row, c.x);
  float scale = old.width / max(now.width, 1e-6);
  bool upper = c.y - l.z < l.w - c.y;
  float band = upper ? l.x + scale * (c.y - l.z) : l.y + scale * (c.y - l.w);
  vec3 value = photoAt(positions(old, c.x, band));
  float height = max(l.w - l.z, 1e-3), soft = max(1.0, 1.2 * 0.04 * height);
  float shown = step01((c.y - l.z - 0.04 * height) / soft) * step01((l.w - 0.03 * height - c.y) / soft);
  if (c.x <= 0.0 || c.x >= 1.0) shown = 0.0;
  if (shown > 0.0) value = mix(value, ball(positions(old, c.x, scale * c.y)), shown);
  float mask = between2(c.y, l.zw, slopesAt(row, c.x, now.width).zw, blur) * share * step01(l.w - l.z);
  colour = finished(value, mask);
}`;

export const LASHES = `${COMMON}${OPENINGS}
in vec2 at;
uniform sampler2D below; // what has been drawn so far
uniform vec2 corner; // of that, in pixels of the target
uniform vec2 extent;
uniform sampler2D lashes;
uniform Opening old;
uniform Opening now;
uniform int row;
uniform vec4 patch_;
uniform float share;
float ramp(float value, float start, float end) { return step01((value - start) / (end - start)); }
void main() {
  vec2 c = coordinates(now, at);
  vec4 l = linesAt(row, c.x);
  float under = c.y - (l.z + l.w) / 2.0, width = now.width, scale = old.width / max(width, 1e-6);
  float thick = max(1.2, 0.022 * width);
  float within = share * ramp(c.x, -0.03, 0.17) * ramp(c.x, 1.03, 0.83);
  float line = 0.55 * min(1.0, 2.0 * 0.022 * width / thick) * exp(-0.5 * under * under / (thick * thick));
  vec2 p = positions(old, c.x, l.x - scale * abs(under) - 0.02 * old.width) - patch_.xy;
  float reach = (under > 0.0 ? 0.15 : 0.03) * width;
  float hair = (1.0 - cubic(lashes, patch_.zw, p).r) * step01(2.0 - abs(under) / reach) * ramp(width, 25.0, 70.0);
  float dark = within * max(line, hair);
  float seam = within * exp(-0.5 * under * under / (2.25 * thick * thick));
  vec2 q = (gl_FragCoord.xy - corner) / extent;
  vec4 value = texture(below, q);
  if (seam > 0.02) {
    float sigma = thick * view.x, total = 0.0;
    int reach2 = int(min(ceil(2.5 * sigma), 9.0));
    vec4 sum = vec4(0.0);
    for (int y = -reach2; y <= reach2; y++) for (int x = -reach2; x <= reach2; x++) {
      float w = exp(-0.5 * float(x * x + y * y) / (sigma * sigma));
      sum += w * texture(below, q + vec2(x, y) / extent);
      total += w;
    }
    value += seam * (sum / total - value);
  }
  colour = vec4(value.rgb * (1.0 - dark), value.a);
}`;

const MOUTH_BODY = `
in vec2 at;
uniform sampler2D teeth;
uniform vec2 teethSize;
uniform Opening old;
uniform Opening now;
uniform vec3 between;
uniform float share, soft, gap, apart, kept, wider, opens, ownLight, teethLight, line, lineWidth;
uniform vec2 shift;
uniform vec2 edge; // of the teeth, in their picture
uniform vec4 rowPlace; // s and distance of that edge, pixels of the picture per pixel along and across
uniform vec3 gain;
uniform Opening donor;
uniform float donorWider;
vec3 cavity(float s, float v, float light) {
  float wide = step01((gap - 0.2) / 0.3), low = step01((v - 0.4) / 0.45), x = (s - 0.5) / 0.06;
  float tongue = smooth01(low) * step01(1.1 - (2.6 * s - 1.3) * (2.6 * s - 1.3)) * wide * (1.0 - 0.3 * exp(-x * x));
  return mix(vec3(40.0, 18.0, 16.0), vec3(150.0, 82.0, 76.0), tongue) * light / 180.0;
}
#ifdef DONOR
vec3 teethAt(float s, float across, vec2 l) {
  float v = clamp((across - l.x) / max(l.y - l.x, 1e-3), -0.3, 1.3);
  if (donorWider < 0.75) v = 0.42 + (v - 0.42) * donorWider / 0.75;
  else if (donorWider > 1.3) {
    float times = donorWider / 1.3, below = 0.7 / times;
    v = v < below ? v * times : 0.7 + (v - below) / max(1.0 - below, 1e-6) * 0.3;
  }
  vec2 edges = linesAt(3, s).xy;
  return 255.0 * cubic(teeth, teethSize, positions(donor, s, edges.x + v * (edges.y - edges.x))).rgb * gain;
}
#else
vec3 teethAt(float s, float across, vec2 l) {
  vec3 deep = cavity(s, (across - l.x) / max(l.y - l.x, 1e-3), teethLight);
  float x = edge.x + (s - rowPlace.x) * now.width * rowPlace.z, y = edge.y + (across - rowPlace.y) * rowPlace.w;
  float highest = linesAt(3, x / teethSize.x).x + 2.5;
  float top = edge.y + (l.x - rowPlace.y) * rowPlace.w;
  float stretch = clamp((edge.y - highest) / max(edge.y - top, 1e-3), 0.4, 1.0);
  if (y < edge.y) y = edge.y - (edge.y - y) * stretch;
  vec4 found = cubic(teeth, teethSize, vec2(x, max(y, highest)));
  float opaque = x > 0.5 && x < teethSize.x - 0.5 ? step01(found.a) : 0.0;
  float shadow = 1.0 - 0.35 * exp(-max(across - l.x, 0.0) / (0.035 * now.width));
  return mix(deep, 255.0 * found.rgb * gain * shadow, opaque);
}
#endif
vec3 ownAt(float s, float across, vec2 l) {
  vec2 c = coordinates(old, at - shift);
  vec2 o = linesAt(0, c.x).xy;
  float height = max(o.y - o.x, 1e-3), place = (across - l.x) / max(l.y - l.x, 1e-3);
  float v = mix((c.y - o.x) / height, place * max(1.0, wider / 1.5), opens);
  float own = mix(c.x, s, opens);
  vec3 value = photoAt(positions(old, clamp(own, 0.02, 0.98), o.x + clamp(v, 0.1, 0.92) * height));
  return mix(value, cavity(s, place, ownLight), opens * step01((v - 0.8) / 0.3));
}
void main() {
  vec2 c = coordinates(now, at);
  vec4 l = linesAt(0, c.x);
  float mask = between2(c.y, l.zw, slopesAt(0, c.x, now.width).zw, soft) * share;
  float ends = step01(min(c.x, 1.0 - c.x) / 0.08), d = (c.y - (l.z + l.w) / 2.0) / lineWidth;
  float seam = line * ends * exp(-d * d);
  if (mask < 0.002 && seam < 0.002) discard;
  vec3 inside = kept < 1.0 ? teethAt(c.x, c.y, l.zw) : vec3(0.0);
  if (kept > 0.0) inside = mix(inside, ownAt(c.x, c.y, l.zw), kept);
  inside = mix(between, inside, apart);
  float rim = exp(-max(l.w - c.y, 0.0) / max(now.width, 1e-6) / 0.03) * step01(gap / 0.15);
  inside = clamp(max(inside, rim * between), 0.0, 255.0);
  float alpha = 1.0 - (1.0 - mask) * (1.0 - seam);
  colour = finished((inside * mask * (1.0 - seam) + between * seam) / max(alpha, 1e-4), alpha);
}`;

export const MOUTHS = {
  teeth: `${COMMON}${OPENINGS}${PHOTO}${MOUTH_BODY}`,
  donor: `${COMMON}#define DONOR\n${OPENINGS}${PHOTO}${MOUTH_BODY}`,
};
