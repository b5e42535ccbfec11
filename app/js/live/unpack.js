// Reads the files of rbvae/editing/packing.py: a JSON header and arrays, compressed by gzip.

const TYPES = { uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array, float32: Float32Array };

// Returns { about, arrays }: the header's values, and typed arrays by name, each with its `shape`.
export async function unpack(buffer) {
  const bytes = await plain(buffer);
  const view = new DataView(bytes);
  if (view.byteLength < 8 || view.getUint32(0) !== 0x52425631) throw new Error("This is no file for live drawing.");
  const length = view.getUint32(4, true);
  const { about, arrays: places } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  const arrays = {};
  for (const [name, { type, shape, at }] of Object.entries(places)) {
    const count = shape.reduce((product, side) => product * side, 1);
    arrays[name] = Object.assign(new TYPES[type](bytes, 8 + length + at, count), { shape });
  }
  return { about, arrays };
}

// Undoes `differences`: whole numbers [K, N] times `step`, as Float32Array.
export function summed(planes, step) {
  const [, rows, columns] = planes.shape;
  const count = rows * columns;
  const values = new Float32Array(count);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      const folded = planes[i] + 256 * planes[count + i];
      sum += folded & 1 ? -(folded + 1) / 2 : folded / 2;
      values[i] = sum * step;
    }
  }
  return values;
}

async function plain(buffer) {
  const start = new Uint8Array(buffer, 0, 2);
  if (start[0] !== 0x1f || start[1] !== 0x8b) return buffer; // the browser has decompressed it already
  const stream = new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
