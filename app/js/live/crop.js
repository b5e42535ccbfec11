// The square crop around a face, as rbvae/editing/face_model.py has it.

export const CROP = 1.3; // its side in sides of the face's box

// Left, top and side, in pixels, of the crop around a face's box in a photo of this size, [width, height].
export function cropAround([left, top, right, bottom], [width, height]) {
  const face = Math.max(right - left, bottom - top);
  const side = Math.max(2, Math.round(Math.min(CROP * face, Math.max(face, Math.min(width, height)))));
  const within = (at, length) => (side <= length ? Math.min(Math.max(at, 0), length - side) : at);
  return { left: within(Math.round((left + right - side) / 2), width), top: within(Math.round((top + bottom - side) / 2), height), side };
}
