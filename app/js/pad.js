// Input of a digit: an example, a drawing or a file.

import { chooser, element, escaped, onFiles, roving } from "./dom.js";

const SIDE = 256;

export function addPad(work, place, open, cleared) {
  const part = element(`<div class="drawing"><div class="padding"><canvas class="pad" width="${SIDE}" height="${SIDE}" role="img" aria-label="Draw a digit here"></canvas>
      <div class="bar"><button type="button" class="button clear">Clear</button>
      <label class="inline">Pen <input type="range" class="pen" min="6" max="36" value="16" aria-label="Pen width"></label>
      <label class="inline">Colour <input type="color" value="#ffffff" aria-label="Pen colour"></label></div></div>
    <div><p class="hint">Draw a digit, or pick one.</p><div class="pictures digits" role="group" aria-label="Digits to pick"></div></div></div>`);
  place.append(part);
  const digits = part.querySelector(".digits");
  for (const digit of work.setup.examples) {
    const button = element(`<button type="button"><img src="${digit.picture}" alt="${escaped(digit.label)}"></button>`);
    button.addEventListener("click", () => open(null, digit));
    digits.append(button);
  }
  roving(digits);

  const canvas = part.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const clear = () => {
    pen.fillStyle = "black";
    pen.fillRect(0, 0, SIDE, SIDE);
  };
  const at = (event) => [(event.offsetX * SIDE) / canvas.clientWidth, (event.offsetY * SIDE) / canvas.clientHeight];
  let drawing = false;
  canvas.addEventListener("pointerdown", (event) => {
    drawing = true;
    canvas.setPointerCapture(event.pointerId);
    pen.strokeStyle = part.querySelector("input[type=color]").value;
    pen.lineWidth = Number(part.querySelector(".pen").value);
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...at(event));
    pen.lineTo(...at(event));
    pen.stroke();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    pen.lineTo(...at(event));
    pen.stroke();
  });
  const end = () => {
    if (drawing) canvas.toBlob((blob) => open(blob), "image/png");
    drawing = false;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  part.querySelector(".clear").addEventListener("click", () => {
    clear();
    cleared();
  });
  clear();
  const file = chooser("Open a file", { name: "digit" });
  onFiles(file, (files) => open(files[0]));
  part.querySelector(".bar").append(file);
}
