// Draws edits in the browser with live/stage.js, if the server offers the model for it and this browser can.
// Its interface is described there.

import { blank, isStill, latent } from "./record.js";
import { unplaced } from "./view.js";

// What has to be asked of the server before an edit can be drawn here.
const startOf = ({ tile, seed, e }) => JSON.stringify(tile === null ? [seed, e] : []);

// Whether the engine draws an edit: its parts would limit the sliders, too.
const isDrawn = ({ parts, named }) => !parts || !Object.values(named).some(Boolean);

const QUALITY = 0.95; // of thumbnails

export class LiveDrawer {
  // Resolves to null if the engine is missing or fails; then the server draws.
  static async create(work, stage, photo) {
    try {
      const page = new URL("../../", import.meta.url);
      const { script, model } = work.setup.live;
      const { LiveStage } = await import(new URL(script, page).href);
      const engine = await LiveStage.create(stage.live, { modelUrl: new URL(model, page).href, photo, size: work.photo.size });
      return new LiveDrawer(work, stage, engine);
    } catch (error) {
      console.warn(`The server draws: ${error.message}`);
      return null;
    }
  }

  constructor(work, stage, engine) {
    Object.assign(this, { work, stage, engine, there: new Set(), given: new Map(), lent: new Map(), mouths: new Map(), targets: new Map() });
    this.hide();
    work.on("face settled", () => this.add(work.face));
    this.add(work.face);
    this.look();
  }

  // Gives the engine a face, and learns the e that its edit starts from.
  async add(face) {
    if (!face?.key || !this.engine) return;
    try {
      const edit = face.edit ?? blank();
      this.targets.set(face, { start: startOf(edit), e: await this.work.target(face, edit) });
      await this.give(face);
      await this.lend(face, edit);
    } catch (error) {
      console.warn(`The server draws this face: ${error.message}`);
    }
  }

  // Resolves when the engine has a face.
  give(face) {
    const fetched = async () => {
      const sent = await (await this.work.keys.send("live", { key: face.key })).arrayBuffer(); // also if the engine has gone
      await this.engine?.addFace(face.key, sent);
      this.there.add(face);
    };
    if (!this.given.has(face)) this.given.set(face, fetched());
    return this.given.get(face);
  }

  // Resolves when the engine has the mouth of the photo that an edit takes its teeth from, if that mouth is open.
  lend(face, edit) {
    const lender = edit.teeth ?? edit.donor;
    const name = `${face.key} ${lender}`;
    const fetched = async () => {
      const sent = await (await this.work.keys.send("live", { key: face.key, donor: lender })).arrayBuffer();
      if (!sent.byteLength) return;
      await this.engine?.addMouth(face.key, lender, sent);
      this.mouths.set(name, lender);
    };
    if (lender && !this.lent.has(name)) this.lent.set(name, fetched());
    return this.lent.get(name);
  }

  ready(face) {
    const edit = face.edit ?? blank();
    const isThere = Boolean(this.engine) && this.there.has(face) && !this.engine.lost;
    return isThere && isDrawn(edit) && this.targets.get(face)?.start === startOf(edit);
  }

  // Resolves to a small picture of an edit of a face, as a data: URL; to null if the server has to draw it.
  async thumbnail(face, edit, side) {
    if (!isDrawn(edit)) return null;
    try {
      const target = await this.work.target(face, edit);
      await this.give(face);
      await this.lend(face, edit);
      if (!this.engine || this.engine.lost) return null;
      return this.engine.thumbnail(face.key, this.described(face, edit, target), side).toDataURL("image/jpeg", QUALITY);
    } catch (error) {
      console.warn(`The server draws this picture: ${error.message}`);
      return null;
    }
  }

  look() {
    const { view, frame } = this.stage;
    const [x, y] = unplaced(view, [0, 0], frame);
    this.engine?.view({ zoom: view.zoom, x, y, ...frame, ratio: window.devicePixelRatio || 1 });
    if (!this.stage.live.hidden) this.draw();
  }

  draw() {
    const edits = this.work.photo.faces
      .filter((face) => this.ready(face) && face.edit && !isStill(face.edit))
      .map((face) => this.described(face, face.edit, this.targets.get(face).e));
    this.stage.live.hidden = false;
    const { dataset } = this.stage.root;
    return this.engine.draw(edits).then(() => (dataset.frames = Number(dataset.frames ?? 0) + 1)); // for measurements
  }

  described(face, edit, target) {
    const { e, closing, gesture } = latent(face, edit, this.work.setup, target);
    const mouth = this.mouths.get(`${face.key} ${edit.teeth ?? edit.donor}`);
    return { key: face.key, e, named: edit.named, parts: edit.parts ?? [], gesture, closing, mouth };
  }

  hide() {
    this.stage.live.hidden = true;
  }

  close() {
    this.hide();
    this.engine?.dispose();
    this.engine = null;
  }
}
