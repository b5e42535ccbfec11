// The shader of closed lids and their lashes; cpu_lashes.js has the same in JavaScript.

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
uniform sampler2D closed;
uniform vec2 closedSize;
uniform float grainStep, lashLength;
uniform Opening old;
uniform Opening now;
uniform int eye;
uniform vec4 patch_; // corner and size
uniform float share, thick, hidden;
uniform vec3 shade;
float sampled(sampler2D picture, float s, float across) {
  return cubic(picture, patch_.zw, positions(old, s, across) - patch_.xy).r;
}
float fringe(float outwards, float under, float width) {
  float even = LASHES_STROKES * (outwards - LASHES_SLANT * (outwards + 0.5) * under / width);
  float along = even + LASHES_UNEVEN * sin(2.1 * even), stroke = floor(along);
  float noise = fract(abs(sin(12.9898 * stroke)) * 437.58);
  float reach = step01(under / (lashLength * (0.6 + 0.8 * noise) * width));
  float wave = max(0.5 + 0.5 * cos(6.2831853 * (along - stroke - 0.5)), 1e-4);
  float dark = mix(0.5, pow(wave, LASHES_THICK + LASHES_THIN * reach), ramp(width, LASHES_FINE.x, LASHES_FINE.y));
  return dark * (1.0 - reach) * (0.6 + 0.4 * noise) * step(0.0, under) * ramp(outwards, -0.95, -0.7);
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
  float within = share * ramp(outwards, LASHES_OUTER.x, LASHES_OUTER.y);
  float length = (under > 0.0 ? LASHES_SHORT * LASHES_REACH : 0.03) * width;
  float hairs = step01(2.0 - 2.0 * abs(under) / length) * ramp(width, LASHES_FINE.x, LASHES_FINE.y);
  hairs *= ramp(outwards, -1.0, -0.8) * ramp(outwards, 0.2, -0.15);
  ONLY_WHERE(hairs > 0.0) hairs *= 1.0 - sampled(lashes, c.x, l.x - scale * abs(under) / LASHES_SHORT);
  float gap = max(l.w - l.z, 0.0), across = under < 0.0 ? under : max(under - gap, 0.0);
  vec2 place = (vec2(c.x, across / width) - vec2(CLOSED_LID_LEFT, CLOSED_LID_TOP)) / CLOSED_LID_STEP + 0.5;
  vec4 lid = cubic(closed, closedSize, place);
  float opacity = share * step01(lid.a);
  if (under > 0.0 && under < gap) opacity *= hidden;
  float texture_ = under < 0.0 ? opacity : 0.0;
  ONLY_WHERE(texture_ > 0.0) {
    float folded = LASHES_TEXTURED * width - abs(LASHES_TEXTURED * width + under);
    float level = 255.0 * sampled(grain, c.x, l.y + LASHES_BELOW * old.width + scale * folded) - 128.0;
    texture_ *= clamp(grainStep * level, -LASHES_FINEST, LASHES_FINEST);
  }
  float dark = max(within * max(line, depth * fringe(outwards, under, width)), share * hairs);
  vec4 value = texture(below, (gl_FragCoord.xy - corner) / extent);
  vec3 drawn = value.rgb + opacity * (lid.rgb * value.a - value.rgb);
  drawn = max(drawn + texture_ / 255.0 * value.a, 0.0) * pow(vec3(1.0 - dark), shade);
  colour = vec4(min(value.a * toned(drawn / max(value.a, 1e-3)), value.a), value.a);
}`;
