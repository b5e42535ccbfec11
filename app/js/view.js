// Which part of the photo the stage shows: `zoom` in CSS pixels per photo pixel, and the photo point (x, y) in its middle.

const AROUND = 1.75; // sides of a face's box that the view of a face shows
const CLOSEST = 6; // times the zoom at which the whole photo fits

export const whole = ([width, height], frame) => ({
  zoom: Math.min(frame.width / width, frame.height / height),
  x: width / 2,
  y: height / 2,
});

export function around([left, top, right, bottom], size, frame) {
  const extent = AROUND * Math.max(right - left, bottom - top);
  const fit = whole(size, frame).zoom;
  const zoom = Math.max(fit, Math.min(frame.width, frame.height) / extent);
  return clamped({ zoom, x: (left + right) / 2, y: (top + bottom) / 2 }, size, frame);
}

// Zooms by a factor so that the photo point under (px, py), in pixels of the frame, stays where it is.
export function zoomed(view, factor, px, py, size, frame) {
  const fit = whole(size, frame).zoom;
  const zoom = Math.min(Math.max(view.zoom * factor, fit), CLOSEST * Math.max(fit, 1 / 3, view.zoom > CLOSEST * fit ? view.zoom / CLOSEST : 0));
  const [dx, dy] = [px - frame.width / 2, py - frame.height / 2];
  return clamped({ zoom, x: view.x + dx / view.zoom - dx / zoom, y: view.y + dy / view.zoom - dy / zoom }, size, frame);
}

export const panned = (view, dx, dy, size, frame) =>
  clamped({ ...view, x: view.x - dx / view.zoom, y: view.y - dy / view.zoom }, size, frame);

// Keeps the photo in the frame: centred where it is smaller, without a gap where it is larger.
export function clamped({ zoom, x, y }, [width, height], frame) {
  const [halfX, halfY] = [frame.width / zoom / 2, frame.height / zoom / 2];
  const within = (value, half, length) => (2 * half >= length ? length / 2 : Math.min(length - half, Math.max(half, value)));
  return { zoom, x: within(x, halfX, width), y: within(y, halfY, height) };
}

// Where a photo point is in the frame, in CSS pixels.
export const placed = (view, [x, y], frame) => [
  frame.width / 2 + (x - view.x) * view.zoom,
  frame.height / 2 + (y - view.y) * view.zoom,
];

export const unplaced = (view, [px, py], frame) => [
  view.x + (px - frame.width / 2) / view.zoom,
  view.y + (py - frame.height / 2) / view.zoom,
];
