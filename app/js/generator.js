// The generator of rbvae/models/generator.py in plain JavaScript, for a single image.

const LEAK = 0.2;

export class Generator {
  // Takes an ArrayBuffer with half-precision safetensors, as served by the app.
  constructor(file) {
    const view = new DataView(file);
    const start = 8 + Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, start - 8)));
    const { __metadata__: about, ...tensors } = header;
    const toFloat = halves();
    this.patch = Number(about.patch);
    this.layers = {};
    for (const [name, { data_offsets: [from, to], shape }] of Object.entries(tensors)) {
      const numbers = new Uint16Array(file.slice(start + from, start + to));
      this.layers[name] = Object.assign(Float32Array.from(numbers, (half) => toFloat[half]), { shape });
    }
  }

  // Generates an image from z and e, arrays of numbers. Returns { side, pixels } with RGBA pixels.
  draw(z, e) {
    const latents = Float32Array.of(...z, ...e);
    const [channels] = this.layers["first.2.0.weight"].shape;
    const values = this._full("from_latents", latents);
    let grid = { values, channels, side: Math.sqrt(values.length / channels) };
    grid = this._conv("first.2.0", normed(grid));
    for (let k = 0; `ups.${k}.fine.0.weight` in this.layers; k++) {
      grid = this._conv(`ups.${k}.coarse.0`, normed(grid));
      grid = this._conv(`ups.${k}.fine.0`, doubled(normed(grid)));
    }
    grid = this._conv("to_image", normed(grid));
    return this._unfolded(grid, "linear.map.weight" in this.layers ? this._full("linear.map", latents) : null);
  }

  _full(name, input) {
    const [weight, bias] = [this.layers[`${name}.weight`], this.layers[`${name}.bias`]];
    const output = Float32Array.from(bias);
    for (let o = 0; o < output.length; o++) {
      const row = o * input.length;
      let sum = 0;
      for (let i = 0; i < input.length; i++) sum += weight[row + i] * input[i];
      output[o] += sum;
    }
    return output;
  }

  // 3x3 convolution with zero padding. The padded rows are processed as one long row in a single loop; the values it
  // computes at the borders are dropped at the end.
  _conv(name, { values, channels, side }) {
    const [weight, bias] = [this.layers[`${name}.weight`], this.layers[`${name}.bias`]];
    const row = side + 2;
    const area = row * row; // not row ** 2, which would turn all indices below into floating-point numbers
    const padded = new Float32Array(channels * area);
    for (let line = 0; line < channels * side; line++) {
      const at = Math.floor(line / side) * area + ((line % side) + 1) * row + 1;
      padded.set(values.subarray(line * side, (line + 1) * side), at);
    }
    const output = new Float32Array(bias.length * side * side);
    const sums = new Float32Array(side * row - 2);
    for (let o = 0; o < bias.length; o++) {
      sums.fill(bias[o]);
      for (let c = 0; c < channels; c++) {
        const at = (o * channels + c) * 9;
        const top = c * area;
        const middle = top + row;
        const bottom = middle + row;
        const w0 = weight[at];
        const w1 = weight[at + 1];
        const w2 = weight[at + 2];
        const w3 = weight[at + 3];
        const w4 = weight[at + 4];
        const w5 = weight[at + 5];
        const w6 = weight[at + 6];
        const w7 = weight[at + 7];
        const w8 = weight[at + 8];
        let t0 = padded[top];
        let t1 = padded[top + 1];
        let m0 = padded[middle];
        let m1 = padded[middle + 1];
        let b0 = padded[bottom];
        let b1 = padded[bottom + 1];
        for (let i = 0; i < sums.length; i++) {
          const t2 = padded[top + i + 2];
          const m2 = padded[middle + i + 2];
          const b2 = padded[bottom + i + 2];
          sums[i] += w0 * t0 + w1 * t1 + w2 * t2 + w3 * m0 + w4 * m1 + w5 * m2 + w6 * b0 + w7 * b1 + w8 * b2;
          t0 = t1;
          t1 = t2;
          m0 = m1;
          m1 = m2;
          b0 = b1;
          b1 = b2;
        }
      }
      for (let y = 0; y < side; y++) output.set(sums.subarray(y * row, y * row + side), (o * side + y) * side);
    }
    return { values: output, channels: bias.length, side };
  }

  // Rearranges the channels into patches of pixels, and adds the linear part of the generator, bilinearly upsampled.
  _unfolded({ values, side: coarse }, drawn) {
    const { patch } = this;
    const side = coarse * patch;
    const area = coarse * coarse;
    const gain = drawn && this.layers["linear.map.weight"].shape[1] ** -0.5; // as EqualLinear in rbvae/models/blocks.py
    const points = drawn ? Math.sqrt(drawn.length / 3) : 1; // per side
    const pixels = new Uint8ClampedArray(4 * side * side).fill(255);
    const { first, second, share } = between(side, points);
    for (let y = 0; y < side; y++) {
      const [up, down, low] = [first[y], second[y], share[y]];
      for (let x = 0; x < side; x++) {
        const [left, right, far] = [first[x], second[x], share[x]];
        const within = (y % patch) * patch + (x % patch);
        const at = Math.floor(y / patch) * coarse + Math.floor(x / patch);
        for (let c = 0; c < 3; c++) {
          let value = values[(c * patch * patch + within) * area + at];
          if (drawn) {
            const [upper, lower] = [(c * points + up) * points, (c * points + down) * points];
            const above = drawn[upper + left] * (1 - far) + drawn[upper + right] * far;
            const below = drawn[lower + left] * (1 - far) + drawn[lower + right] * far;
            value += gain * (above * (1 - low) + below * low);
          }
          pixels[4 * (y * side + x) + c] = (Math.tanh(value) + 1) * 127.5;
        }
      }
    }
    return { side, pixels };
  }
}

// Applies leaky ReLU and pixel norm in place.
function normed(grid) {
  const { values, channels, side } = grid;
  const area = side * side;
  for (let p = 0; p < area; p++) {
    let squares = 0;
    for (let at = p; at < values.length; at += area) {
      if (values[at] < 0) values[at] *= LEAK;
      squares += values[at] * values[at];
    }
    const scale = 1 / Math.sqrt(squares / channels + 1e-8);
    for (let at = p; at < values.length; at += area) values[at] *= scale;
  }
  return grid;
}

// Upsamples by 2 with nearest neighbours.
function doubled({ values, channels, side }) {
  const wide = 2 * side;
  const output = new Float32Array(channels * wide * wide);
  for (let line = 0; line < channels * side; line++) {
    const start = 2 * line * wide;
    for (let x = 0; x < wide; x++) output[start + x] = values[line * side + (x >> 1)];
    output.copyWithin(start + wide, start, start + wide);
  }
  return { values: output, channels, side: wide };
}

// Linear interpolation: returns, for each fine pixel, the two nearest coarse pixels and the weight of the second.
function between(side, coarse) {
  const at = Float32Array.from({ length: side }, (_, fine) => Math.max(0, ((fine + 0.5) * coarse) / side - 0.5));
  const first = Int32Array.from(at, Math.floor);
  const second = first.map((pixel) => Math.min(coarse - 1, pixel + 1));
  return { first, second, share: at.map((point, i) => point - first[i]) };
}

// Returns a table of all half-precision numbers, indexed by their 16 bits.
function halves() {
  return Float32Array.from({ length: 65536 }, (_, bits) => {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    return bits >> 15 ? -size : size;
  });
}
