// Small pictures of edits of a face. The browser draws them once it has what it needs for that, and until then, as for a
// new photo, the server, a few at a time. Each is drawn once.

import { pause } from "./api.js";
import { plain } from "./record.js";

const AT_ONCE = 8;
const SIDE = 192; // px, as the server's

export class Thumbnails {
  constructor(work) {
    Object.assign(this, { work, known: new Map(), waiting: [], idle: Promise.resolve() });
    work.on("opened", () => this.known.clear());
  }

  // Sets the source of an image to a small picture of an edit of a face.
  show(image, face, edit) {
    const name = `${face.key} ${JSON.stringify(plain(edit))}`;
    image.dataset.edit = name;
    if (!this.known.has(name)) {
      this.known.set(name, new Promise((done, failed) => this.waiting.push({ face, edit, done, failed })));
      this.idle = this.idle.then(() => this.draw());
    }
    this.known.get(name).then(
      (source) => {
        if (image.dataset.edit !== name) return;
        image.src = source;
        image.hidden = false;
      },
      () => this.known.delete(name), // it is asked for again when it is next shown
    );
  }

  async draw() {
    while (this.waiting.length) {
      const { face } = this.waiting[0];
      const now = this.waiting.filter((one) => one.face === face).slice(0, AT_ONCE);
      this.waiting = this.waiting.filter((one) => !now.includes(one));
      try {
        const left = await this.here(face, now);
        if (!left.length) continue;
        const edits = left.map(({ edit }) => plain(edit));
        const { pictures } = await this.work.keys.ask("tiles", { key: face.key, edits });
        left.forEach(({ done }, i) => done(pictures[i]));
      } catch (error) {
        now.forEach(({ failed }) => failed(error));
      }
    }
  }

  // Draws pictures in the browser, one after the other, so that it stays free. Resolves to those that the server draws.
  async here(face, wanted) {
    const drawer = this.work.drawer?.();
    const left = [];
    for (const one of wanted) {
      const picture = await drawer?.thumbnail(face, one.edit, SIDE);
      if (picture) one.done(picture);
      else left.push(one);
      if (picture) await pause(0);
    }
    return left;
  }
}
