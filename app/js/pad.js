// The pad: shows the digit, and takes strokes, by mouse, pen or finger; below it the tools, and digits to pick.

import { chooser, element, escaped, onFiles, roving } from "./dom.js";

const SIDE = 256;

export function addPad(work, place, digits, open) {
  const stage = element(`<div class="stage digit"><figure><div class="square"><canvas class="pad" width="${SIDE}" height="${SIDE}" role="img"
    aria-label="Your digit. Draw here."></canvas><p class="hint" hidden>Draw a digit here, or pick one below.</p></div>
    <figcaption>Your digit</figcaption></figure></div>`);
  const tools = element(`<div class="bar tools"><button type="button" class="button clear">Clear</button>
    <label class="inline"><span>Pen</span> <input type="range" class="pen" min="6" max="36" value="16" aria-label="Pen width" title="Pen width"></label>
    <label class="inline"><span>Colour</span> <input type="color" value="#ffffff" aria-label="Pen colour" title="Pen colour"></label></div>`);
  const file = chooser("Open a picture", { name: "digit" });
  onFiles(file, open);
  tools.append(file);
  place.append(stage, tools, picks(work, digits));

  const [canvas, hint] = [stage.querySelector("canvas"), stage.querySelector(".hint")];
  const pen = canvas.getContext("2d");
  let shown = null; // the picture on the pad, as a data URL
  const paint = async () => {
    const picture = work.photo?.picture ?? null;
    hint.hidden = Boolean(work.photo);
    if (picture === shown) return;
    shown = picture;
    const image = new Image();
    image.src = picture ?? "";
    if (picture) await image.decode();
    if (shown !== picture) return; // another one came meanwhile
    pen.fillStyle = "black";
    pen.fillRect(0, 0, SIDE, SIDE);
    if (picture) pen.drawImage(image, 0, 0, SIDE, SIDE);
  };
  work.on("opened", paint);
  pen.fillRect(0, 0, SIDE, SIDE);
  hint.hidden = false;
  tools.querySelector(".clear").addEventListener("click", () => {
    work.tell([]);
    work.put(null);
  });
  addStrokes(canvas, pen, tools, hint, () => {
    shown = canvas.toDataURL("image/png");
    const picture = shown;
    canvas.toBlob((blob) => digits.drawing(blob, picture), "image/png");
  });
  return { stage };
}

function picks(work, digits) {
  const part = element(`<div class="picks"><span>Or pick one</span><div class="pictures digits" role="group" aria-label="Digits to pick"></div></div>`);
  const row = part.querySelector(".digits");
  for (const digit of work.setup.examples) {
    const button = element(`<button type="button"><img src="${digit.picture}" alt="${escaped(digit.label)}"></button>`);
    button.addEventListener("click", () => digits.example(digit));
    row.append(button);
  }
  roving(row);
  return part;
}

// Draws the strokes of one pointer at a time, and says when one ends.
function addStrokes(canvas, pen, tools, hint, ended) {
  let pointer = null;
  const to = (event) => {
    pen.lineTo((event.offsetX * SIDE) / canvas.clientWidth, (event.offsetY * SIDE) / canvas.clientHeight);
    pen.stroke();
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button > 0) return;
    pointer = event.pointerId;
    hint.hidden = true;
    canvas.setPointerCapture(pointer);
    pen.strokeStyle = tools.querySelector("input[type=color]").value;
    pen.lineWidth = Number(tools.querySelector(".pen").value);
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    to(event);
    to(event);
  });
  canvas.addEventListener("pointermove", (event) => event.pointerId === pointer && to(event));
  const end = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    ended();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
}
