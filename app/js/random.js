// A gallery of random expressions or styles. A click applies one to the sliders.

import { element, escaped } from "./dom.js";

export function addRandom(bench, place) {
  const part = element(`<div><p class="hint">${escaped(bench.setup.words.random)}</p>
    <div class="pictures random"></div>
    <div class="bar"><button type="button" class="button another">Another eight</button>
      <label class="inline">Seed <input type="number" min="0" step="1" value="0"></label></div></div>`);
  place.append(part);
  const pictures = part.querySelector(".pictures");
  const seed = part.querySelector("input");
  const fill = () =>
    bench.attempt(async () => {
      if (!bench.record?.original) return;
      const { record } = bench;
      const { samples } = await bench.ask("random", { seed: Math.max(0, Math.floor(Number(seed.value) || 0)) });
      if (bench.record !== record) return;
      pictures.replaceChildren(
        ...samples.map(({ picture, change }, i) => {
          const button = element(`<button type="button"><img src="${picture}" alt="Random ${i + 1}"></button>`);
          button.addEventListener("click", () => bench.become(change));
          return button;
        }),
      );
    });
  part.querySelector(".another").addEventListener("click", () => {
    seed.value = Number(seed.value) + 1;
    fill();
  });
  seed.addEventListener("change", fill);
  bench.on("opened", () => {
    pictures.replaceChildren();
    if (part.offsetParent) fill();
  });
  place.addEventListener("shown", () => pictures.childElementCount || fill());
}
