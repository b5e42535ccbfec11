// The shaders of eyes, lashes and mouth; cpu_layers.js has the same in JavaScript.

import { COMMON, OPENINGS, PHOTO } from "./shader_parts.js";

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
  float mask = between2(c, l.zw, slopesAt(row, c.x, now.width).zw, now.width, blur) * share * step01(l.w - l.z);
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
  float mask = between2(c, l.zw, slopesAt(0, c.x, now.width).zw, now.width, soft) * share;
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
