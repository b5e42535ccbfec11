// Messages over the photo: what went wrong, what to know about the photo, warnings about the edit, and the connection.

import { connection } from "./api.js";
import { element, escaped, icon, sentence } from "./dom.js";

const READ = 8000; // ms after which a warning shrinks to a button, so that it does not cover the photo

const PLAIN = [ // of a warning of the model -> what the page says, or "" if the page shows it otherwise
  [/faces were found/, ""],
  [/turned (?:away )?by (\d+) degrees/, "This face is turned to the side, so the edit may look off. A photo from the front works better."],
  [/cuts off/, "A part of this face is outside the photo, so the edit has to guess it."],
  [/seems to cover/, "Something seems to cover the mouth, and would move with it. Try a photo without it."],
  [/eyes are closed/, "The eyes are closed in this photo, so open eyes are a guess."],
  [/face is small/, "This face is small, so the edit is coarse. Try a closer photo."],
  [/does not know a face like this|reproduces this face worse/, "The model copies this photo less well than most. Look closely at the result."],
  [/second detection/, "The face is hard to make out, so the edit may sit a little off. Try a sharper photo."],
  [/copy does not look like/, "The result may not look like your digit. Draw it larger, in few and simple strokes."],
  [/follows the two eyes/, "The edit follows the two eyes you clicked. Check that it sits right."],
];

export function addNotices(work, place) {
  const part = element(`<div class="notices"><div class="said" aria-live="polite"></div><div class="doubts" aria-live="polite"></div>
    <div class="connection" role="alert" hidden>The app can't be reached. Your work is kept here. Trying again…</div></div>`);
  place.append(part);
  const [said, doubts, lost] = part.children;
  work.on("words", ({ words, kind }) => {
    said.replaceChildren();
    if (!words.length) return;
    const notice = element(`<div class="notice ${kind}">${words.map((line) => `<p>${escaped(sentence(line))}</p>`).join("")}
      <button type="button" class="quiet" aria-label="Close this message">${icon("close")}</button></div>`);
    notice.querySelector("button").addEventListener("click", () => said.replaceChildren());
    said.append(notice);
  });
  work.on("opened", () => doubt([]));
  work.on("drawn", ({ moving, warnings }) => moving || doubt(warnings));
  let timer = 0;
  const doubt = (warnings) => {
    const lines = [...new Set(warnings.map(plainWords).filter(Boolean))];
    const words = lines.map((line) => `<p>${escaped(line)}</p>`).join("");
    if (doubts.dataset.words === words) return;
    doubts.dataset.words = words;
    clearTimeout(timer);
    if (words) unfold();
    else doubts.replaceChildren();
  };
  const unfold = () => {
    doubts.innerHTML = `<div class="notice doubt">${doubts.dataset.words}
      <button type="button" class="quiet" aria-label="Hide this warning">${icon("close")}</button></div>`;
    const button = doubts.querySelector("button");
    button.addEventListener("click", () => fold().focus());
    timer = setTimeout(shrink, READ);
    return button;
  };
  const shrink = () => {
    if (doubts.matches(":hover, :focus-within")) timer = setTimeout(shrink, READ);
    else fold();
  };
  const fold = () => {
    clearTimeout(timer);
    doubts.innerHTML = `<button type="button" class="quiet folded" aria-label="Show the warning">${icon("note")}</button>`;
    const button = doubts.querySelector("button");
    button.addEventListener("click", () => unfold().focus());
    return button;
  };
  connection.addEventListener("offline", () => (lost.hidden = false));
  connection.addEventListener("online", () => (lost.hidden = true));
}

export function plainWords(warning) {
  const found = PLAIN.find(([sign]) => sign.test(warning));
  return found ? found[1] : sentence(warning);
}
