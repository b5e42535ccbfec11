// Save: one file with the edits of all faces, of the kind that the photo came in; Share where phones have it; Save as….

import { addClip } from "./clip.js";
import { toolWindow } from "./dialog.js";
import { element, icon, save } from "./dom.js";
import { addFilm } from "./film.js";
import { addMany } from "./many.js";
import { isStill, plain } from "./record.js";
import { FORMATS, fileName } from "./saving_names.js";

export function addSaving(work, opening) {
  const part = element(`<div class="saving"><span class="done" role="status"></span>
    <button type="button" class="button share" hidden>Share</button>
    <button type="button" class="button primary save" disabled>Save</button>
    <div class="menu as"><button type="button" class="button more" aria-label="Save as…" title="Save as…" aria-haspopup="menu" aria-expanded="false" disabled>${icon("more")}</button>
      <div class="sheet" role="menu" hidden></div></div></div>`);
  work.root.append(part);
  const [button, share, more] = [".save", ".share", ".more"].map((name) => part.querySelector(name));
  const done = part.querySelector(".done");
  const say = (words) => {
    done.textContent = words;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => (done.textContent = ""), 4000);
  };

  const written = async (format = "") => {
    const { photo } = work;
    const edits = photo.faces.filter((face) => face.edit && !isStill(face.edit)).map(({ key, edit }) => ({ key, edit: plain(edit) }));
    if (!edits.length) edits.push({ key: (work.face ?? photo.faces.find(({ key }) => key)).key, edit: {} });
    const blob = await (await work.keys.send("save", { edits, format })).blob();
    return new File([blob], fileName(photo, format), { type: blob.type });
  };
  const saveAs = (format) =>
    work.attempt(async () => {
      button.disabled = true;
      say("Saving…");
      try {
        const file = await written(format);
        save(file, file.name);
        work.markSaved();
        say("Saved");
        return true;
      } finally {
        button.disabled = false;
        if (done.textContent === "Saving…") say("");
      }
    });
  opening.save = () => saveAs("");
  button.addEventListener("click", () => saveAs(""));
  share.hidden = !canShare();
  share.addEventListener("click", () =>
    work.attempt(async () => {
      const file = await written();
      await navigator.share({ files: [file] }).then(() => work.markSaved(), () => {}); // closed without a choice
    }));
  work.on("opened face", () => {
    const ready = Boolean(work.photo?.faces.some(({ key }) => key));
    [button, share, more].forEach((one) => (one.disabled = !ready));
  });
  const follow = toolWindow("Follow a clip", (place) => addClip(work, place));
  work.on("follow", follow);
  addSheet(part.querySelector(".as"), [
    ...FORMATS.map((format) => [format === "WEBP" ? "WebP" : format, () => saveAs(format)]),
    ["Film…", toolWindow("Save as a film", (place) => addFilm(work, place))],
    ["Follow a clip…", follow],
    ["Many photos…", toolWindow("The same edit on many photos", (place) => addMany(work, place))],
  ]);
}

function canShare() {
  const file = new File([""], "photo.jpg", { type: "image/jpeg" });
  return Boolean(navigator.share && navigator.canShare?.({ files: [file] }));
}

function addSheet(place, items) {
  const [button, sheet] = [place.querySelector("button"), place.querySelector(".sheet")];
  const open = (opened) => {
    sheet.hidden = !opened;
    button.setAttribute("aria-expanded", String(opened));
  };
  for (const [label, act] of items) {
    const item = element(`<button type="button" role="menuitem" tabindex="-1">${label}</button>`);
    item.addEventListener("click", () => {
      open(false);
      act();
    });
    sheet.append(item);
  }
  button.addEventListener("click", () => {
    open(sheet.hidden);
    if (!sheet.hidden) sheet.querySelector("button").focus();
  });
  place.addEventListener("keydown", (event) => {
    const all = [...sheet.children];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      open(false);
      button.focus();
    } else if (by && !sheet.hidden) {
      event.preventDefault();
      all[(all.indexOf(document.activeElement) + by + all.length) % all.length].focus();
    }
  });
  place.addEventListener("focusout", (event) => place.contains(event.relatedTarget) || open(false));
}
