// A grid: several faces or digits, a row each, with several expressions or styles, a column each.

import { busy, element, escaped, save } from "./dom.js";
import { blank, plain, startedFrom } from "./record.js";

const CHOSEN = 4; // rows and columns of others at first

export function addGrid(work, place) {
  const faces = work.kind === "faces";
  const part = element(`<details class="grid"><summary>${faces ? "Grid of faces and expressions" : "Grid of digits and styles"}</summary>
    <p class="hint">Click those that take part.</p><div class="pictures small choices"></div>
    <div class="bar"><button type="button" class="button slow make">Make the grid</button>
      <button type="button" class="button keep" hidden>Save the grid</button></div>
    <div class="gridded" tabindex="0" role="region" aria-label="Grid"></div></details>`);
  place.append(part);
  const [bar, table, choices] = [part.querySelector(".bar"), part.querySelector(".gridded"), part.querySelector(".choices")];
  const items = work.setup.donors;
  const chosen = new Set(items.slice(0, CHOSEN));
  for (const item of items) {
    const button = element(`<button type="button" aria-pressed="${chosen.has(item)}"><img src="${item.picture}" alt="${escaped(item.label)}"></button>`);
    button.addEventListener("click", () => {
      if (!chosen.delete(item)) chosen.add(item);
      button.setAttribute("aria-pressed", String(chosen.has(item)));
    });
    choices.append(button);
  }
  const make = async () => {
    const others = items.filter((item) => chosen.has(item));
    for (const item of others) item.e ??= (await work.keys.ask("pick", { key: item.key })).e;
    const mine = { key: work.face.key, label: "Yours" };
    const columns = [
      { label: faces ? "Neutral" : "Plain", edit: { tile: "neutral" } },
      { label: "Yours", edit: { e: work.face.e } },
      ...others.map(({ label, picture, e }) => ({ label, picture, edit: { e } })),
    ];
    const rows = [];
    for (const row of [mine, ...others]) {
      const edits = columns.map(({ edit }) => plain({ ...blank(), ...edit }));
      rows.push({ ...row, pictures: (await work.keys.ask("tiles", { key: row.key, edits })).pictures });
    }
    show(rows, columns);
  };
  const show = (rows, columns) => {
    const head = ({ picture, label }) => (picture ? `<img src="${picture}" alt="${escaped(label)}">` : `<span>${escaped(label)}</span>`);
    table.innerHTML = `<table><tr><td></td>${columns.map((c) => `<th scope="col">${head(c)}</th>`).join("")}</tr>
      ${rows.map((row, i) => `<tr><th scope="row">${head(row)}</th>${row.pictures
        .map((picture, j) => `<td><${i ? "span" : 'button type="button"'}><img src="${picture}" alt="${escaped(`${row.label} as ${columns[j].label}`)}"></${i ? "span" : "button"}></td>`)
        .join("")}</tr>`).join("")}</table>`;
    table.querySelectorAll("td button").forEach((button, j) =>
      button.addEventListener("click", () => work.become(startedFrom(work.edit, columns[j].edit))));
    part.querySelector(".keep").hidden = false;
  };
  part.querySelector(".make").addEventListener("click", () => {
    if (!work.face?.e) return work.tell(faces ? "Open a photo with a face first." : "Draw or pick a digit first.");
    return work.attempt(() => busy(bar, "Drawing the grid…", make));
  });
  part.querySelector(".keep").addEventListener("click", () => drawn(table).then((blob) => save(blob, "grid.png")));
}

// Draws the table as one PNG. Resolves to a Blob.
async function drawn(table) {
  const rows = [...table.querySelectorAll("tr")];
  const side = table.querySelector("td img").naturalWidth;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [rows[0].children.length * side, rows.length * side];
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  Object.assign(pen, { fillStyle: "black", font: `${side / 7}px sans-serif`, textAlign: "center" });
  rows.forEach((row, i) =>
    [...row.children].forEach((cell, j) => {
      const image = cell.querySelector("img");
      if (image) pen.drawImage(image, j * side, i * side, side, side);
      else pen.fillText(cell.textContent, (j + 0.5) * side, (i + 0.5) * side, side);
    }),
  );
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
