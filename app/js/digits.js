// The digits room: draw a digit or pick one, give it another style, save it.

import { connection, newest, send } from "./api.js";
import { addAdvanced } from "./advanced.js";
import { addAmount } from "./amount.js";
import { addHistory } from "./bar.js";
import { busy, chooser, element, escaped, onFiles, roving, save, show } from "./dom.js";
import { addNotices } from "./notices.js";
import { addPad } from "./pad.js";
import { blank, fromLink, isStill, plain, startedFrom } from "./record.js";
import { addMenu } from "./rooms.js";
import { Thumbnails } from "./thumbnails.js";
import { addTune } from "./tune.js";
import { Work } from "./work.js";

export function buildDigits(root, setup) {
  const work = new Work(root, setup);
  const bar = element(`<header class="top"></header>`);
  root.append(bar);
  addMenu(bar, "digits");
  bar.append(element(`<span class="space"></span>`));
  addHistory(work, bar);
  addDigitSaving(work, root);
  const [left, right] = [element(`<main class="left"></main>`), element(`<section class="right" aria-label="Style"><div class="panels"></div></section>`)];
  root.append(left, right);
  work.on("settled", () => work.face && (work.style = work.edit));
  const result = addResult(work, left);
  const open = (blob, example) => openDigit(work, blob, example);
  addPad(work, left, open, () => {
    work.photo = null;
    result.clear();
    work.emit("opened", null);
  });
  addNotices(work, left);
  const panel = element(`<div class="panel"></div>`);
  right.firstElementChild.append(panel);
  addStyles(work, panel);
  addTune(work, panel);
  const foot = element(`<div class="foot"><div class="bar"><button type="button" class="button reset">Reset</button>
    <button type="button" class="button neutral">Plain</button></div></div>`);
  right.firstElementChild.append(foot);
  foot.querySelector(".reset").addEventListener("click", () => work.reset());
  foot.querySelector(".neutral").addEventListener("click", () => work.become({ ...blank(), tile: "neutral" }));
  addAdvanced(work, foot);
  const linked = () => {
    try {
      const edit = fromLink(location.hash, setup);
      if (edit && work.face) work.become(edit);
      return edit;
    } catch (error) {
      work.tell(`This link can't be followed. ${error.message}`);
      return null;
    }
  };
  const start = linked();
  window.addEventListener("hashchange", linked);
  open(null, setup.examples[0]).then(() => start && work.become(start));
}

// Opens a digit that was drawn, or an example. The style that was chosen stays.
async function openDigit(work, blob, example) {
  const ticket = (work.ticket = (work.ticket ?? 0) + 1);
  await work.attempt(async () => {
    const record = await (blob ? send(work.kind, "open", blob) : send(work.kind, "pick", { key: example.key })).then((r) => r.json());
    if (ticket !== work.ticket) return;
    const { style, past, future } = work;
    const key = work.keys.add(record.key, blob ? async () => (await send(work.kind, "open", blob)).json() : null);
    const next = { index: 0, key, e: record.e, neutral: record.neutral, reach: record.reach, box: [0, 0, ...record.size], edit: style ?? blank(), versions: [] };
    work.open({ name: example?.label ?? "digit.png", size: record.size, faces: [next], first: 0, suffix: "png" });
    Object.assign(work, { past, future }); // undo reaches styles, whatever the digit
    work.emit("settled");
  });
}

function addResult(work, place) {
  const part = element(`<div class="stage digit"><figure><img class="before" alt="The digit" hidden><figcaption>The digit</figcaption></figure>
    <figure><img class="edited" alt="The digit in its new style" hidden><figcaption>Restyled</figcaption></figure></div>`);
  place.append(part);
  const [before, edited] = part.querySelectorAll("img");
  const draw = newest(async () => {
    const { photo, face, edit } = work;
    if (!face) return;
    const { picture } = await work.keys.ask("draw", { key: face.key, edit: plain(edit) });
    if (work.photo !== photo) return;
    await show(edited, picture);
    edited.hidden = false;
    edited.dataset.draws = Number(edited.dataset.draws ?? 0) + 1;
  });
  work.on("changed settled", draw);
  connection.addEventListener("online", draw);
  work.on("opened", async (photo) => {
    if (!photo) return;
    const { crop } = await work.keys.ask("seen", { key: work.face.key }).catch(() => ({}));
    if (crop && work.photo === photo) {
      await show(before, crop);
      before.hidden = false;
    }
  });
  return {
    clear() {
      for (const image of [before, edited]) {
        image.hidden = true;
        image.removeAttribute("src");
      }
    },
  };
}

function addDigitSaving(work, root) {
  const part = element(`<div class="saving"><span class="done" role="status"></span><button type="button" class="button primary save" disabled>Save</button></div>`);
  root.append(part);
  const [done, button] = part.children;
  work.on("opened", () => (button.disabled = !work.face));
  button.addEventListener("click", () =>
    work.attempt(async () => {
      const blob = await (await work.keys.send("save", { edits: [{ key: work.face.key, edit: plain(work.edit) }] })).blob();
      save(blob, "digit-edited.png");
      done.textContent = "Saved";
      setTimeout(() => (done.textContent = ""), 4000);
    }));
}

// Styles of other digits, and random ones.
function addStyles(work, place) {
  const part = element(`<section><h3>Take the style of another</h3><div class="pictures donors"></div></section>`);
  place.append(part);
  const donors = part.querySelector(".donors");
  const pictures = new Thumbnails(work);
  const items = work.setup.donors.map((donor) => ({ ...donor }));
  const fill = () => {
    donors.replaceChildren(
      ...items.map((donor) => {
        const chosen = donor.e && JSON.stringify(donor.e) === JSON.stringify(work.edit.e);
        const button = element(`<button type="button" aria-pressed="${Boolean(chosen)}"><img src="${donor.picture}" alt="${escaped(donor.label)}"></button>`);
        button.addEventListener("click", () =>
          work.attempt(async () => {
            donor.e ??= (await work.keys.ask("pick", { key: donor.key })).e;
            work.become(startedFrom(work.edit, { e: donor.e }));
          }));
        return button;
      }),
    );
    const surprise = element(`<button type="button" class="surprise" aria-pressed="${work.edit.seed !== null}"><img alt="Surprise me" hidden><span>Surprise me</span></button>`);
    if (work.edit.seed !== null && work.face) pictures.show(surprise.querySelector("img"), work.face, { ...blank(), seed: work.edit.seed });
    surprise.addEventListener("click", () => work.become(startedFrom(work.edit, { seed: Math.floor(Math.random() * 1e6) })));
    donors.append(surprise);
    settle();
  };
  const settle = roving(donors, "button", false);
  work.on("opened settled", fill);
  const bar = element(`<div class="bar"></div>`);
  part.append(bar);
  const file = chooser("Add a picture of a digit", { name: "donor" });
  bar.append(file);
  onFiles(file, (files) =>
    busy(bar, "Reading the digit…", () => work.attempt(async () => {
      const record = await (await send(work.kind, "open", files[0])).json();
      const [picture] = (await work.keys.ask("tiles", { key: record.key, edits: [{}] })).pictures;
      items.unshift({ key: record.key, e: record.e, picture, label: files[0].name });
      work.become(startedFrom(work.edit, { e: record.e }));
    })));
  addAmount(work, part, "Amount", (edit) => edit.e !== null || edit.seed !== null || (edit.tile !== null && !isStill(edit)));
  fill();
}
