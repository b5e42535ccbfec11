// Draws at once, but at most once a frame; the newest input wins.

export class Loop {
  constructor(draw) {
    this.draw = draw;
    this.input = null;
    this.waiting = null;
    this.next = null; // what to do in the next frame
    this.isHeld = false; // whether something has been drawn since the last frame
    this.stopped = false;
  }

  // Draws `input` after the caller's turn, or in the next frame if this one has been drawn already, unless newer input
  // comes first. Resolves after it has been drawn.
  ask(input) {
    this.input = input;
    this.waiting ??= new Promise((resolve, reject) => {
      const draw = () => this._draw(resolve, reject);
      if (this.isHeld) this.next = draw;
      else queueMicrotask(draw);
    });
    return this.waiting;
  }

  stop() {
    this.stopped = true;
  }

  _draw(resolve, reject) {
    this.waiting = null;
    if (this.stopped) return resolve();
    this.isHeld = true;
    requestAnimationFrame(() => this._release());
    try {
      resolve(this.draw(this.input));
    } catch (error) {
      reject(error);
    }
  }

  _release() {
    this.isHeld = false;
    const { next } = this;
    this.next = null;
    next?.();
  }
}
