// The shaders of eyes and mouth; cpu_layers.js has the same in JavaScript.

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
uniform vec2 shine; // by which reflections move
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
  return shines ? value + layer(reflection, q - shine).rgb : value;
}
vec3 eyeAt(vec2 c, vec4 l, float scale) {
  bool upper = c.y - l.z < l.w - c.y;
  float band = upper ? l.x + scale * (c.y - l.z) : l.y + scale * (c.y - l.w);
  vec3 value = photoAt(positions(old, c.x, band));
  float height = max(l.w - l.z, 1e-3), soft = max(1.0, 1.2 * EYES_EDGE * height);
  float shown = step01((c.y - l.z - EYES_EDGE * height) / soft) * step01((l.w - 0.03 * height - c.y) / soft);
  if (c.x <= 0.0 || c.x >= 1.0) shown = 0.0;
  ONLY_WHERE(shown > 0.0) value = mix(value, ball(positions(old, c.x, scale * c.y)), shown);
  return value;
}
void main() {
  vec2 c = coordinates(now, at);
  vec4 l = linesAt(row, c.x);
  float mask = between2(c, l.zw, slopesAt(row, c.x, now.width).zw, now.width, blur) * share * step01(l.w - l.z);
  colour = vec4(0.0);
  ONLY_WHERE(mask >= 0.002) colour = finished(eyeAt(c, l, old.width / max(now.width, 1e-6)), mask);
}`;

const MOUTH_BODY = `
in vec2 at;
uniform sampler2D teeth;
uniform vec2 teethSize;
uniform Opening old;
uniform Opening now;
uniform vec3 between;
uniform float share, soft, gap, apart, kept, deeper, narrower, opens, line, lineWidth;
uniform sampler2D cavity; // behind the teeth
uniform vec2 cavitySize;
uniform sampler2D reach; // what lies above the lower edge of the photo's own teeth
uniform vec2 reachSize;
uniform float edged; // how far what lies below gives way to the cavity
uniform float parts; // how far upper and lower teeth do
uniform float lower; // share of the lower teeth that is drawn
uniform vec3 bite; // where: middle and curve of the line between them, and the gap of the mouth
uniform vec3 ownLight, teethLight;
uniform float haze;
uniform vec2 shift;
uniform vec2 shadows; // at the corners and below the upper lip
uniform vec2 edge; // of the teeth, in their picture
uniform vec4 rowPlace; // s and distance of that edge; pixels of the picture per pixel to its left and to its right
uniform float down; // and across
uniform vec3 gain;
uniform Opening donor;
uniform float donorWider;
vec3 cavityAt(float s, float v, vec3 light) {
  float covered = CAVITY_COVERED * (1.0 - ramp(gap, CAVITY_UNCOVERED_GAPS.x, CAVITY_UNCOVERED_GAPS.y));
  vec3 seen = 255.0 * cubic(cavity, cavitySize, vec2(s, 1.0 - (1.0 - v) * gap / CAVITY_GAP - covered) * cavitySize).rgb;
  return haze + mix(CAVITY_DARK, seen, ramp(gap, CAVITY_LIT_GAPS.x, CAVITY_LIT_GAPS.y)) * light;
}
float lipShadow(float below) { return exp(-max(below, 0.0) / (TEETH_SHADOW_WIDTH * now.width)); }
#ifdef DONOR
vec3 teethAt(float s, float across, vec2 l) {
  float v = clamp((across - l.x) / max(l.y - l.x, 1e-3), -0.3, 1.3);
  if (donorWider < MOUTH_SQUASHED) v = MOUTH_BITE + (v - MOUTH_BITE) * donorWider / MOUTH_SQUASHED;
  else if (donorWider > MOUTH_STRETCHED) {
    float times = donorWider / MOUTH_STRETCHED, below = MOUTH_KEPT / times;
    v = v < below ? v * times : MOUTH_KEPT + (v - below) / max(1.0 - below, 1e-6) * (1.0 - MOUTH_KEPT);
  }
  vec2 edges = linesAt(3, s).xy;
  return 255.0 * cubic(teeth, teethSize, positions(donor, s, edges.x + v * (edges.y - edges.x))).rgb * gain;
}
#else
vec3 teethAt(float s, float across, vec2 l) {
  vec3 deep = cavityAt(s, (across - l.x) / max(l.y - l.x, 1e-3), teethLight);
  float x = edge.x + (s - rowPlace.x) * now.width * (s < rowPlace.x ? rowPlace.z : rowPlace.w);
  float y = edge.y + (across - rowPlace.y) * down;
  float highest = linesAt(3, x / teethSize.x).x + TEETH_MARGIN;
  float top = edge.y + (l.x - rowPlace.y) * down;
  float stretch = clamp((edge.y - highest) / max(edge.y - top, 1e-3), 0.4, 1.0);
  if (y < edge.y) y = edge.y - (edge.y - y) * stretch;
  vec4 found = cubic(teeth, teethSize, vec2(x, max(y, highest)));
  float opaque = x > 0.5 && x < teethSize.x - 0.5 ? step01(found.a) : 0.0;
  float shadow = 1.0 - TEETH_LIP_SHADOW * lipShadow(across - l.x);
  return mix(deep, 255.0 * found.rgb * gain * shadow, opaque);
}
#endif
vec3 photoOfMouth(float s, float upper, float height, float v) {
  return photoAt(positions(old, clamp(s, 0.02, 0.98), upper + clamp(v, OWN_MOUTH_CLAMP.x, OWN_MOUTH_CLAMP.y) * height));
}
vec3 ownAt(float s, float across, vec2 l) {
  vec2 c = coordinates(old, at - shift);
  vec2 o = linesAt(0, c.x).xy;
  float height = max(o.y - o.x, 1e-3), place = (across - l.x) / max(l.y - l.x, 1e-3);
  float covered = clamp((c.y - o.x - (across - l.x)) / height, 0.0, OWN_MOUTH_COVERED);
  float still = (c.y - o.x) / height, v = mix(still, covered + place * deeper, opens);
  float own = mix(c.x, 0.5 + narrower * (s - 0.5), opens);
  float ends = 1.0 - smooth01(ramp(min(s, 1.0 - s), 0.0, OWN_MOUTH_CORNERS));
  float under = max(shadows.y, TEETH_LIP_SHADOW * ramp(opens * covered, 0.0, OWN_MOUTH_COVERING));
  float light = (1.0 - shadows.x * ends) * (1.0 - under * lipShadow(across - l.x));
  vec3 value = light * photoOfMouth(own, o.x, height, v), dark = cavityAt(s, place, ownLight);
  float past = ramp(v, OWN_MOUTH_PAST.x, OWN_MOUTH_PAST.y);
  if (edged > 0.0) past = max(past, edged * (1.0 - cubic(reach, reachSize, vec2(own, v) * reachSize).r));
  vec3 whole = mix(value, dark, max(opens * ramp(v, OWN_MOUTH_BELOW.x, OWN_MOUTH_BELOW.y), past));
  if (parts == 0.0) return whole;
  float line = bite.x + bite.y * (own - 0.5) * (own - 0.5), half_ = OWN_MOUTH_PARTS * bite.z;
  float below = mix(still, 1.0 - (1.0 - place) * deeper, opens);
  if (lower > 0.0) dark = cavityAt(s, min(place + (1.0 - line - half_) / deeper, 1.0), ownLight); // tongue above them
  value = mix(value, dark, ramp(v, line - half_, line + half_));
  value = mix(value, light * photoOfMouth(own, o.x, height, below), lower * ramp(below, line - half_, line + half_));
  return mix(whole, value, parts);
}
vec3 insideAt(vec2 c, vec4 l) {
  vec3 inside = vec3(0.0);
  ONLY_WHERE(kept < 1.0) inside = teethAt(c.x, c.y, l.zw);
  ONLY_WHERE(kept > 0.0) inside = mix(inside, ownAt(c.x, c.y, l.zw), kept);
  inside = mix(between, inside, apart);
  float rim = exp(-max(l.w - c.y, 0.0) / max(now.width, 1e-6) / LIPS_RIM) * step01(gap / LIPS_RIM_GAP);
  rim *= ramp(min(c.x, 1.0 - c.x), LIPS_RIM_ENDS.x, LIPS_RIM_ENDS.y);
  return clamp(max(inside, rim * between), 0.0, 255.0);
}
void main() {
  vec2 c = coordinates(now, at);
  vec4 l = linesAt(0, c.x);
  float mask = between2(c, l.zw, slopesAt(0, c.x, now.width).zw, now.width, soft) * share;
  float ends = step01(min(c.x, 1.0 - c.x) / LIPS_SEAM_ENDS), d = (c.y - (l.z + l.w) / 2.0) / lineWidth;
  float seam = line * ends * exp(-d * d), alpha = 1.0 - (1.0 - mask) * (1.0 - seam);
  vec3 inside = vec3(0.0);
  ONLY_WHERE(mask >= 0.002) inside = insideAt(c, l);
  colour = alpha < 0.002 ? vec4(0.0) : finished((inside * mask * (1.0 - seam) + between * seam) / alpha, alpha);
}`;

export const MOUTHS = {
  teeth: `${COMMON}${OPENINGS}${PHOTO}${MOUTH_BODY}`,
  donor: `${COMMON}#define DONOR\n${OPENINGS}${PHOTO}${MOUTH_BODY}`,
};
