// Copies the expression or style of another image, with adjustable strength.

import { newest } from "./api.js";
import { chooser, element, escaped } from "./dom.js";

export function addDonor(bench, place, tray) {
  const part = element(`<div><p class="hint">${escaped(bench.setup.words.donor)}</p>
    <div class="bar adding"></div>
    <div class="pictures donors"></div>
    <div class="slider strength"><div class="head"><label for="${bench.kind}-strength">Strength</label>
      <output>1.00</output></div>
      <input type="range" id="${bench.kind}-strength" min="0" max="1.5" step="0.05" value="1"
        title="0: as it was. 1: as in the other picture. More: exaggerated."></div></div>`);
  place.append(part);
  const [adding, pictures] = [part.querySelector(".adding"), part.querySelector(".donors")];
  const strength = part.querySelector("input");
  let donor = null;

  const change = async () => (await bench.ask("transfer", { donor: donor.key, strength: Number(strength.value) })).change;
  const choose = (item) => {
    donor = item;
    fill();
    return bench.attempt(async () => bench.become(await change()));
  };
  const fill = () =>
    pictures.replaceChildren(
      ...tray.items.map((item) => {
        const chosen = item === donor;
        const button = element(`<button type="button" aria-pressed="${chosen}">
          <img src="${item.picture}" alt="${escaped(item.label)}" title="${escaped(item.label)}"></button>`);
        button.addEventListener("click", () => choose(item));
        return button;
      }),
    );
  const follow = newest(async (settled) => {
    bench.move(await change());
    if (settled) bench.settle();
  });
  strength.addEventListener("input", () => {
    part.querySelector("output").textContent = Number(strength.value).toFixed(2);
    if (donor) follow(false);
  });
  strength.addEventListener("change", () => donor && follow(true));
  const file = chooser(bench.setup.words.addDonor, { multiple: true, name: "donor" });
  file.querySelector("input").addEventListener("change", async (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    const before = tray.items[0];
    await tray.add(files, adding);
    if (tray.items[0] !== before) choose(tray.items[0]);
  });
  adding.append(file);
  tray.on("added", fill);
  fill();
}
