// Input of a digit: an example, a drawing or an upload.

import { busy, chooser, element, escaped, walk } from "./dom.js";

const SIDE = 256;

export function addPad(bench, place) {
  const part = element(`<div class="digit"><p class="hint">Pick a digit …</p>
    <div class="pictures digits"></div>
    <p class="hint">… or draw one</p>
    <canvas class="pad" width="${SIDE}" height="${SIDE}" aria-label="Draw a digit here"></canvas>
    <div class="bar"><button type="button" class="button clear">Clear</button>
      <label class="inline">Pen <input type="range" class="pen" min="6" max="36" value="16" aria-label="Pen width"></label>
      <label class="inline">Colour <input type="color" value="#ffffff" aria-label="Pen colour"></label></div></div>`);
  place.append(part);
  const open = (blob) => busy(part.querySelector(".bar"), "Reading the digit…", () => bench.openFile(blob));

  const pick = (digit, preset) => bench.attempt(() => bench.pick(digit, preset));
  for (const digit of bench.setup.examples) {
    const button = element(`<button type="button"><img src="${digit.picture}" alt="${escaped(digit.label)}"></button>`);
    button.addEventListener("click", () => pick(digit));
    part.querySelector(".digits").append(button);
  }
  walk(part.querySelector(".digits"));

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
  canvas.addEventListener("pointerup", () => {
    if (drawing) canvas.toBlob(open, "image/png");
    drawing = false;
  });
  part.querySelector(".clear").addEventListener("click", clear);
  clear();

  const file = chooser("Upload one", { name: "digit" });
  file.querySelector("input").addEventListener("change", (event) => {
    if (event.target.files[0]) open(event.target.files[0]);
    event.target.value = "";
  });
  part.querySelector(".bar").append(file);
  if (bench.setup.examples.length) pick(bench.setup.examples[0], bench.setup.start);
}
