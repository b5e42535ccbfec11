// A table of the selected faces or digits, edited with the selected expressions or styles.

import { busy, element, escaped, save } from "./dom.js";

const CHOSEN = 4; // number of items selected initially

export function addGrid(bench, place, tray) {
  const { words } = bench.setup;
  const part = element(`<div><p class="hint">${escaped(words.grid)}</p>
    <p class="hint">${escaped(words.rows)}</p><div class="pictures small choices rows"></div>
    <p class="hint">${escaped(words.columns)}</p><div class="pictures small choices columns"></div>
    <div class="bar"><button type="button" class="button slow primary make">Make the grid</button>
      <button type="button" class="button keep" hidden>Download the grid</button></div>
    <div class="gridded" tabindex="0" aria-label="Grid"></div></div>`);
  place.append(part);
  const [bar, table] = [part.querySelector(".bar"), part.querySelector(".gridded")];
  const faces = addChoice(tray, part.querySelector(".rows"));
  const expressions = addChoice(tray, part.querySelector(".columns"));

  const make = async () => {
    const mine = { picture: bench.record.original, label: words.mine };
    const keys = (items) => items.map(({ key }) => key);
    const [down, across] = [faces(), expressions()];
    const { cells } = await bench.ask("grid", { others: keys(down), expressions: keys(across) });
    const rows = [mine, ...down];
    const columns = [{ label: words.neutral }, mine, ...across];
    const head = ({ picture, label }) =>
      picture ? `<img src="${picture}" alt="${escaped(label)}">` : `<span>${escaped(label)}</span>`;
    table.innerHTML = `<table><tr><td></td>${columns.map((c) => `<th scope="col">${head(c)}</th>`).join("")}</tr>
      ${cells
        .map((row, i) => {
          const cell = ({ picture }, j) =>
            `<td>${i ? "<span>" : `<button type="button">`}<img src="${picture}"
              alt="${escaped(`${rows[i].label} as ${columns[j].label}`)}">${i ? "</span>" : "</button>"}</td>`;
          return `<tr><th scope="row">${head(rows[i])}</th>${row.map(cell).join("")}</tr>`;
        })
        .join("")}</table>`;
    table.querySelectorAll("td button").forEach((button, j) => {
      button.addEventListener("click", () => bench.become(cells[0][j].change));
    });
    part.querySelector(".keep").hidden = false;
  };
  part.querySelector(".make").addEventListener("click", () =>
    bench.attempt(() => busy(bar, "Drawing the grid…", make)),
  );
  part.querySelector(".keep").addEventListener("click", () => drawn(table).then((blob) => save(blob, "grid.png")));
}

// Shows the items of the tray as toggle buttons. Returns a function that returns the selected items.
function addChoice(tray, place) {
  const chosen = new Set(tray.items.slice(0, CHOSEN));
  const fill = () =>
    place.replaceChildren(
      ...tray.items.map((item) => {
        const button = element(`<button type="button" aria-pressed="${chosen.has(item)}">
          <img src="${item.picture}" alt="${escaped(item.label)}"></button>`);
        button.addEventListener("click", () => {
          if (!chosen.delete(item)) chosen.add(item);
          button.setAttribute("aria-pressed", chosen.has(item));
        });
        return button;
      }),
    );
  tray.on("added", (item) => {
    chosen.add(item);
    fill();
  });
  fill();
  return () => tray.items.filter((item) => chosen.has(item));
}

// Draws the table as one PNG. Resolves to a Blob.
async function drawn(table) {
  const rows = [...table.querySelectorAll("tr")];
  const side = table.querySelector("td img").naturalWidth * 2;
  const canvas = document.createElement("canvas");
  canvas.width = rows[0].children.length * side;
  canvas.height = rows.length * side;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "black";
  pen.font = `${side / 7}px sans-serif`;
  pen.textAlign = "center";
  rows.forEach((row, i) =>
    [...row.children].forEach((cell, j) => {
      const image = cell.querySelector("img");
      if (image) pen.drawImage(image, j * side, i * side, side, side);
      else pen.fillText(cell.textContent, (j + 0.5) * side, (i + 0.5) * side, side);
    }),
  );
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
