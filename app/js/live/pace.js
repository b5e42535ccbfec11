// How many pixels a frame has: all at rest, fewer while a finger moves if frames would take too long.

import { clamp } from "./opening.js";

const AIM = 12; // ms for a frame while a finger moves
const FEWEST = 0.5; // of the pixels along each side
const STEPS = 8; // shares differ by 1 / STEPS
const REST = 150; // ms between frames, after which a finger counts as at rest

export class Pace {
  // `settle` draws the last frame again, with all pixels.
  constructor(settle) {
    this.settle = settle;
    this.last = -Infinity;
    this.times = [0, 0]; // ms that the last two frames with all pixels took: one slow frame may have other reasons
  }

  // The share of pixels along each side for a frame that is drawn now.
  next() {
    clearTimeout(this.timer);
    return performance.now() - this.last < REST ? this.share : 1;
  }

  // The share for a frame while a finger moves.
  get share() {
    const share = Math.sqrt(AIM / Math.max(1, Math.min(...this.times)));
    return clamp(Math.floor(STEPS * share) / STEPS, FEWEST, 1);
  }

  // Takes the share of pixels of a frame that has been drawn, and the time it took, in ms.
  note(share, time) {
    this.last = performance.now();
    if (share < 1) this.timer = setTimeout(this.settle, REST);
    else this.times = [this.times[1], time];
  }

  stop() {
    clearTimeout(this.timer);
  }
}
