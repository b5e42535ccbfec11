// Draws edits in the browser while a slider moves, if it is fast enough. Otherwise the server draws them.

import { Generator } from "./generator.js";

const TRIALS = 5; // test draws, to warm up the JIT compiler; the last one is timed
const SLOWEST = 30; // ms per image, which blocks the page

const idle = () => new Promise((now) => (window.requestIdleCallback ?? setTimeout)(now));

export class Drawing {
  constructor() {
    this.asked = false;
    this.generator = null;
    this.ready = false;
  }

  // Fetches the generator and times it. If anything fails, the server keeps drawing.
  async prepare(address, { z, e }) {
    if (this.asked || !address || navigator.connection?.saveData) return;
    this.asked = true;
    try {
      const response = await fetch(new URL(address, new URL("../../", import.meta.url)));
      if (!response.ok) throw new Error(response.status);
      const file = await response.arrayBuffer();
      await idle();
      this.generator = new Generator(file);
      let took;
      for (let i = 0; i < TRIALS; i++) {
        await idle();
        const start = performance.now();
        this.draw(z, e);
        took = performance.now() - start;
      }
      this.ready = took <= SLOWEST;
    } catch (error) {
      console.warn(`The server draws: ${error.message}`);
    }
  }

  draw(z, e) {
    const { side, pixels } = this.generator.draw(z, e);
    return new ImageData(pixels, side, side);
  }
}
