// Draws at most once a frame; the newest input wins.

export class Loop {
  constructor(draw) {
    this.draw = draw;
    this.input = null;
    this.waiting = null;
    this.stopped = false;
  }

  // Draws `input` in the next frame, unless newer input comes first. Resolves after that frame has been drawn.
  ask(input) {
    this.input = input;
    this.waiting ??= new Promise((resolve, reject) => {
      requestAnimationFrame(() => {
        this.waiting = null;
        if (this.stopped) return resolve();
        try {
          resolve(this.draw(this.input));
        } catch (error) {
          reject(error);
        }
      });
    });
    return this.waiting;
  }

  stop() {
    this.stopped = true;
  }
}
