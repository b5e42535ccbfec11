// The digits room: draw a digit, pick one or open a picture of one; give it another style; save it.

import { connection, newest, send } from "./api.js";
import { addAdvanced } from "./advanced.js";
import { addHistory } from "./bar.js";
import { DigitWork, kept } from "./digits_work.js";
import { element, isPicture, save, show } from "./dom.js";
import { addNotices } from "./notices.js";
import { addDropping } from "./opening.js";
import { addPad } from "./pad.js";
import { blank, fromLink, plain } from "./record.js";
import { addMenu } from "./rooms.js";
import { fitting } from "./shrinking.js";
import { addStyles } from "./styles.js";
import { addTune } from "./tune.js";

export function buildDigits(root, setup) {
  const work = new DigitWork(root, setup);
  const bar = element(`<header class="top"></header>`);
  root.append(bar);
  addMenu(bar, "digits");
  bar.append(element(`<span class="space"></span>`));
  addHistory(work, bar);
  addDigitSaving(work, root);
  const [left, right] = [element(`<main class="left"></main>`), element(`<section class="right" aria-label="Style"><div class="panels"></div></section>`)];
  root.append(left, right);
  const digits = new Digits(work);
  const open = (files) => digits.file(files.find(isPicture));
  const pad = addPad(work, left, digits, open);
  addResult(work, pad.stage);
  addNotices(work, left);
  const panel = element(`<div class="panel"></div>`);
  right.firstElementChild.append(panel);
  addStyles(work, panel);
  addTune(work, panel);
  addFoot(work, right.firstElementChild);
  addDropping(work, open);
  root.append(element(`<div class="dropzone" aria-hidden="true"><p>Drop a picture of a digit here</p></div>`));
  start(work, digits);
}

// The first digit: that of before a reload, or an example; in the style of a link, if there is one.
function start(work, digits) {
  const linked = () => {
    try {
      const style = fromLink(location.hash, work.setup);
      if (style) work.become(style);
      return style;
    } catch (error) {
      work.tell(`This link can't be followed. ${error.message}`);
      return null;
    }
  };
  const before = kept();
  work.restyle(linked() ?? before?.style ?? blank());
  work.past = [];
  if (before?.picture) digits.again(before);
  else if (work.setup.examples.length) digits.example(work.setup.examples[0], false);
  work.on("settled", () => work.keep());
  window.addEventListener("hashchange", linked);
}

// A digit that the server has not read yet; `picture` is its data: URL.
const unread = (name, picture) => ({ name, picture, faces: [], size: null, first: 0, suffix: "png" });

// Digits as the server reads them. A digit is shown at once, and its result when the server has read it.
class Digits {
  constructor(work) {
    this.work = work;
  }

  example(example, step = true) {
    const photo = unread(example.label, example.picture);
    this.work.put(photo, step);
    return this.read(photo, () => this.ask("pick", { key: example.key }));
  }

  // A drawing on the pad, as a Blob and as a data URL.
  drawing(blob, picture) {
    const photo = unread("digit.png", picture);
    this.work.put(photo);
    return this.read(photo, () => this.ask("open", blob));
  }

  async again({ name, picture }) {
    const photo = unread(name ?? "digit.png", picture);
    this.work.put(photo, false);
    const blob = await (await fetch(picture)).blob();
    return this.read(photo, () => this.ask("open", blob));
  }

  // A picture file. The pad shows what was read of it, so nothing changes if it is refused.
  async file(file) {
    const { work } = this;
    if (!file) return work.tell("This is not a picture. Choose a JPEG, PNG, WebP or HEIC file.");
    const photo = unread(file.name || "digit.png", null);
    return work.attempt(async () => {
      const { blob } = await fitting(file, work.setup.limits);
      const ask = () => this.ask("open", blob);
      const record = await ask();
      this.add(photo, record, ask);
      photo.picture = (await work.keys.ask("seen", { key: photo.faces[0].key })).crop;
      work.put(photo);
      work.tell(record.notes, "note");
    });
  }

  async read(photo, ask) {
    const { work } = this;
    work.tell([]);
    photo.problem = "";
    await work.attempt(async () => {
      try {
        this.add(photo, await ask(), ask);
      } catch (error) {
        photo.problem = error.message;
        work.arrived(photo);
        if (work.photo === photo) throw error; // to be told
      }
    });
    work.arrived(photo);
  }

  ask(action, body) {
    return send(this.work.kind, action, body).then((answer) => answer.json());
  }

  add(photo, record, reopen) {
    const { e, neutral, reach, size, warnings } = record;
    const key = this.work.keys.add(record.key, reopen);
    Object.assign(photo, { size, warnings, problem: "" });
    photo.faces = [{ index: 0, key, e, neutral, reach, box: [0, 0, ...size], edit: this.work.style, versions: [] }];
  }
}

function addResult(work, place) {
  const part = element(`<figure><div class="square"><img class="edited" alt="The digit in its new style" hidden><p class="hint">The result appears here.</p></div>
    <figcaption>In its new style</figcaption></figure>`);
  place.append(part);
  const image = part.querySelector("img");
  const draw = newest(async () => {
    const { photo, face, edit } = work;
    if (!photo || photo.problem) {
      image.hidden = true;
      image.removeAttribute("src");
      return work.emit("drawn", { moving: false, warnings: [] });
    }
    if (!face) return undefined; // the server still reads it
    const { picture } = await work.keys.ask("draw", { key: face.key, edit: plain(edit) });
    if (work.photo !== photo) return undefined;
    await show(image, picture);
    image.hidden = false;
    return work.emit("drawn", { moving: false, warnings: photo.warnings });
  });
  work.on("changed settled face opened", draw);
  connection.addEventListener("online", draw);
}

function addFoot(work, place) {
  const foot = element(`<div class="foot"><div class="bar"><button type="button" class="button reset">Reset</button>
    <button type="button" class="button neutral">Plain</button></div></div>`);
  place.append(foot);
  foot.querySelector(".reset").addEventListener("click", () => work.reset());
  foot.querySelector(".neutral").addEventListener("click", () => work.become({ ...blank(), tile: "neutral" }));
  addAdvanced(work, foot);
}

function addDigitSaving(work, root) {
  const part = element(`<div class="saving"><span class="done" role="status"></span><button type="button" class="button primary save" disabled>Save</button></div>`);
  root.append(part);
  const [done, button] = part.children;
  work.on("opened face settled", () => (button.disabled = !work.face));
  button.addEventListener("click", () =>
    work.attempt(async () => {
      const blob = await (await work.keys.send("save", { edits: [{ key: work.face.key, edit: plain(work.edit) }] })).blob();
      save(blob, "digit-edited.png");
      done.textContent = "Saved";
      setTimeout(() => (done.textContent = ""), 4000);
    }));
}
