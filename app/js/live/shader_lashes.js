// The shader of the line and the lashes of a closed eye; cpu_lashes.js has the same in JavaScript.

import { DEPTHS } from "./opening.js";
import { COMMON, OPENINGS } from "./shader_parts.js";

const float = (number) => (Number.isInteger(number) ? `${number}.0` : `${number}`);

export const LASHES = `${COMMON}${OPENINGS}
in vec2 at;
uniform sampler2D below; // what has been drawn so far
uniform vec2 corner; // of that, in pixels of the target
uniform vec2 extent;
uniform sampler2D lashes;
uniform sampler2D grain;
uniform float grainStep;
uniform Opening old;
uniform Opening now;
uniform int eye;
uniform vec4 patch_; // corner and size
uniform float share, thick, height;
uniform vec3 shade;
float sampled(sampler2D picture, float s, float across) {
  return cubic(picture, patch_.zw, positions(old, s, across) - patch_.xy).r;
}
float fringe(float outwards, float under, float width) {
  float along = LASHES_STROKES * (outwards - LASHES_SLANT * (outwards + 0.5) * under / width), stroke = floor(along);
  float length = LASHES_FRINGE_LENGTH * (0.6 + 0.8 * fract(abs(sin(12.9898 * stroke)) * 437.58));
  float wave = 0.55 + 0.45 * cos(6.2831853 * (along - stroke - 0.5)) * ramp(width, LASHES_FINE.x, LASHES_FINE.y);
  return LASHES_FRINGE * wave * ramp(under / (length * width), 1.0, 0.0) * step(0.0, under) * ramp(outwards, -0.95, -0.7);
}
float bump(float up, vec2 place) {
  float t = (up - place.x) / place.y;
  return exp(-t * t);
}
float roundness(float s, float under) {
  float up = -under / max(height, 1e-6), t = (s - 0.5) / LASHES_BULGE;
  float light = LASHES_LIT * bump(up, LASHES_LIT_AT) - LASHES_CREASE * bump(up, LASHES_CREASE_AT);
  return under < 0.0 ? light * step01(1.0 - t * t) : 0.0;
}
// A Gaussian at the 37 points of a grid that lie within three steps.
vec4 blurred(vec2 q) {
  float sigma = thick * view.x, apart = max(1.0, 0.8 * sigma), total = 0.0;
  vec4 sum = vec4(0.0);
  for (int y = -3; y <= 3; y++) {
    int reach = abs(y) == 3 ? 1 : abs(y) == 2 ? 2 : 3;
    for (int x = -reach; x <= reach; x++) {
      float w = exp(-0.5 * float(x * x + y * y) * apart * apart / (sigma * sigma));
      sum += w * texture(below, q + apart * vec2(x, y) / extent);
      total += w;
    }
  }
  return sum / total;
}
void main() {
  vec2 c = coordinates(now, at);
  vec4 l = linesAt(1 + eye, c.x);
  float under = c.y - l.z, width = now.width, scale = old.width / max(width, 1e-6);
  float outwards = eye == 1 ? c.x - 1.0 : -c.x;
  vec2 depths = linesAt(${DEPTHS.row}, ramp(c.x, ${float(DEPTHS.from)}, ${float(DEPTHS.to)})).zw;
  float depth = eye == 1 ? depths.y : depths.x;
  float line = depth * min(1.0, 4.0 * LASHES_LINE * width / thick) * exp(-0.5 * under * under / (thick * thick));
  line *= mix(LASHES_INNER, 1.0, ramp(outwards, -1.0, -0.7)) * ramp(outwards, -1.03, -0.95);
  float within = share * ramp(outwards, 0.06, -0.1);
  float length = (under > 0.0 ? LASHES_SHORT * LASHES_REACH : 0.03) * width;
  float hairs = step01(2.0 - 2.0 * abs(under) / length) * ramp(width, LASHES_FINE.x, LASHES_FINE.y);
  hairs *= ramp(outwards, -1.0, -0.8) * ramp(outwards, 0.2, -0.15);
  ONLY_WHERE(hairs > 0.0) hairs *= 1.0 - sampled(lashes, c.x, l.x - scale * abs(under) / LASHES_SHORT);
  float skin = under < 0.0 ? ramp(-under, 1.3 * height, height) * ramp(abs(c.x - 0.5), 0.5, 0.4) : 0.0;
  ONLY_WHERE(skin > 0.0) {
    float level = 255.0 * sampled(grain, c.x, l.y + LASHES_BELOW * old.width + scale * abs(under)) - 128.0;
    skin *= clamp(grainStep * level, -LASHES_FINEST, LASHES_FINEST);
  }
  float dark = max(within * max(line, fringe(outwards, under, width)), share * hairs);
  float seam = within * exp(-0.5 * under * under / (2.25 * thick * thick));
  vec2 q = (gl_FragCoord.xy - corner) / extent;
  vec4 value = texture(below, q);
  ONLY_WHERE(seam > 0.02) value += seam * (blurred(q) - value);
  vec3 drawn = max(value.rgb + share * skin / 255.0 * value.a, 0.0) * pow(vec3(1.0 - dark), shade);
  drawn *= 1.0 + share * roundness(c.x, under);
  colour = vec4(min(grey ? vec3(dot(drawn, vec3(0.299, 0.587, 0.114))) : drawn, value.a), value.a);
}`;
