// Fills the triangles of a mesh in plain JavaScript, the nearer over the further.

// Calls pixel(at, x, y, from x, from y, u, v) for each pixel of `triangles` that nothing nearer covers. Vertices are
// [N * 5] as in expression.js, `view` [scale, x, y] maps them to pixels of the target { width, height, depth }; `places`
// [2 * N], or null, are the canonical ones.
export function fill(target, vertices, triangles, view, places, pixel) {
  for (let t = 0; t < triangles.length; t += 3) {
    one(target, vertices, triangles[t], triangles[t + 1], triangles[t + 2], view, places, pixel);
  }
}

function one({ width, height, depth }, vertices, i, j, k, [scale, ox, oy], places, pixel) {
  const [a, b, c] = [5 * i, 5 * j, 5 * k];
  const [ax, ay] = [vertices[a] * scale + ox, vertices[a + 1] * scale + oy];
  const [bx, by] = [vertices[b] * scale + ox, vertices[b + 1] * scale + oy];
  const [cx, cy] = [vertices[c] * scale + ox, vertices[c + 1] * scale + oy];
  const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  if (Math.abs(area) < 1e-9) return;
  const left = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5));
  const right = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
  const top = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5));
  const bottom = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
  const flat = !places || Math.max(i, j, k) * 2 >= places.length;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const p = (px * (cy - ay) - py * (cx - ax)) / area;
      const q = ((bx - ax) * py - (by - ay) * px) / area;
      const r = 1 - p - q;
      if (p < 0 || q < 0 || r < 0) continue;
      const at = y * width + x;
      const z = r * vertices[a + 2] + p * vertices[b + 2] + q * vertices[c + 2];
      if (z > depth[at]) continue;
      depth[at] = z;
      const fromX = r * vertices[a + 3] + p * vertices[b + 3] + q * vertices[c + 3];
      const fromY = r * vertices[a + 4] + p * vertices[b + 4] + q * vertices[c + 4];
      const u = flat ? -1 : r * places[2 * i] + p * places[2 * j] + q * places[2 * k];
      const v = flat ? -1 : r * places[2 * i + 1] + p * places[2 * j + 1] + q * places[2 * k + 1];
      pixel(at, fromX, fromY, u, v);
    }
  }
}
