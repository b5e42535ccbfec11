// Draws the edits on the stage: while a slider moves in the browser, if it can, and otherwise by the server.
//
// The server draws small pictures while a slider moves and one at the resolution of the screen when it stops. It has
// one request at a time, and the newest edit wins.

import { connection, newest } from "./api.js";
import { LiveDrawer } from "./live_drawer.js";
import { blank, isStill, plain } from "./record.js";

const MOVING = 360; // px of the surroundings of a face while a slider moves
const LARGEST = 1280; // px that the server draws for display, unless the screen shows more
const SETTLED = 250; // ms after a zoom until the edit is drawn again at the new resolution

export class Drawing {
  constructor(work, stage) {
    Object.assign(this, { work, stage, drawn: new Map(), live: null, moves: 0 });
    work.drawer = () => this.live;
    this.server = newest((moving) => this.byServer(moving));
    work.on("opened", () => {
      this.drawn.clear();
      this.live?.close();
      this.live = null;
    });
    work.on("changed", () => this.moved());
    work.on("settled", () => this.settled());
    connection.addEventListener("online", () => this.settled());
    let timer;
    stage.addEventListener("view", () => {
      this.live?.look();
      clearTimeout(timer);
      timer = setTimeout(() => this.server(false), SETTLED);
    });
  }

  // Lets the browser draw, if the server has what it needs for that; see live_drawer.js.
  async prepare(bitmap) {
    const { photo } = this.work;
    if (!this.work.setup.live || !photo) return;
    const live = await LiveDrawer.create(this.work, this.stage, bitmap);
    if (this.work.photo !== photo) return void live?.close();
    this.live = live;
    this.work.root.dataset.drawn = live ? "here" : "by the server";
  }

  moved() {
    this.moves += 1;
    if (this.live?.ready(this.work.face)) this.live.draw();
    else this.server(true);
  }

  settled() {
    this.server(false);
  }

  // Draws every face whose edit is not on the stage yet.
  async byServer(moving) {
    const { work, stage } = this;
    const { photo } = work;
    if (!photo || !stage.size) return;
    const { moves } = this;
    for (const face of photo.faces) {
      const edit = face.edit ?? blank();
      const still = isStill(edit);
      const side = still ? 0 : this.side(face, moving && face === work.face);
      const last = this.drawn.get(face);
      const known = last && last.edit === JSON.stringify(plain(edit)) && (still || last.side >= side);
      if (known) continue;
      const answer = still ? null : await work.keys.ask("draw", { key: face.key, edit: plain(edit), side: side === Infinity ? 0 : side });
      if (work.photo !== photo) return;
      await stage.patch(face.index, answer);
      this.drawn.set(face, { edit: JSON.stringify(plain(edit)), side });
      face.warnings = answer?.warnings ?? [];
      if (face === work.face) work.emit("drawn", { moving, warnings: face.warnings });
    }
    if (!moving && moves === this.moves) this.live?.hide();
    await new Promise(requestAnimationFrame);
  }

  side(face, moving) {
    const wanted = this.stage.side(face.box);
    if (moving) return Math.min(MOVING, wanted);
    return wanted > LARGEST ? Infinity : wanted;
  }
}
