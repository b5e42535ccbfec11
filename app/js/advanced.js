// Advanced: what the model sees, a seed of one's own, a grid, and the settings as a link or as JSON.

import { element } from "./dom.js";
import { addGrid } from "./grid.js";
import { blank, fromLink, fromPreset, portable, startedFrom, toLink } from "./record.js";

export function addAdvanced(work, place) {
  const part = element(`<details class="advanced"><summary>Advanced</summary></details>`);
  place.append(part);
  let filled = false;
  part.addEventListener("toggle", () => {
    if (filled || !part.open) return;
    filled = true;
    if (work.kind === "faces") addSeen(work, part);
    addSeed(work, part);
    addGrid(work, part);
    addShare(work, part);
  });
}

function addSeen(work, place) {
  const part = element(`<details class="seen"><summary>What the model sees</summary><div class="pictures two"></div>
    <label class="inline wide">z and e, as JSON<textarea rows="2" readonly aria-label="Latent values as JSON"></textarea></label></details>`);
  place.append(part);
  const fill = () => {
    if (!part.open || !work.face?.e) return;
    const { key } = work.face;
    work.attempt(async () => {
      const { crop, reconstruction, z, e } = await work.keys.ask("seen", { key });
      part.querySelector(".pictures").innerHTML = `<figure><img src="${crop}" alt="The face as it is"><figcaption>The face</figcaption></figure>
        <figure><img src="${reconstruction}" alt="The model's copy of the face"><figcaption>The model's copy</figcaption></figure>`;
      part.querySelector("textarea").value = JSON.stringify({ z, e });
    });
  };
  part.addEventListener("toggle", fill);
  work.on("opened face", fill);
}

function addSeed(work, place) {
  const id = `seed-${work.kind}`;
  const part = element(`<div class="bar"><label for="${id}">Random, by number</label><input id="${id}" type="number" min="0" max="4294967295" step="1" value="0">
    <button type="button" class="button">Show</button></div>`);
  place.append(part);
  const input = part.querySelector("input");
  const take = () => {
    const seed = Math.min(2 ** 32 - 1, Math.max(0, Math.floor(Number(input.value) || 0)));
    work.become({ ...startedFrom(work.edit, { seed }) });
  };
  part.querySelector("button").addEventListener("click", take);
  input.addEventListener("change", take);
  const follow = () => work.edit.seed !== null && document.activeElement !== input && (input.value = work.edit.seed);
  work.on("opened face settled", follow);
  follow();
}

function addShare(work, place) {
  const part = element(`<div class="sharing"><label>The settings, as JSON<textarea rows="2" spellcheck="false" aria-label="Settings as JSON"></textarea></label>
    <div class="bar"><button type="button" class="button apply">Apply</button><button type="button" class="button copy">Copy</button>
      <button type="button" class="button link">Copy a link</button><span class="done" role="status"></span></div>
    <p class="hint">They hold numbers only: no photo goes along. Teeth from another photo stay here.</p></div>`);
  place.append(part);
  const [text, done] = [part.querySelector("textarea"), part.querySelector(".done")];
  const copy = async (words) => {
    text.value = words;
    text.select();
    try {
      await navigator.clipboard.writeText(words);
      done.textContent = "Copied";
    } catch {
      done.textContent = "Selected: copy it with Ctrl+C"; // the clipboard API requires HTTPS
    }
    setTimeout(() => (done.textContent = ""), 3000);
  };
  const read = (given) => {
    if (given.includes("#")) return fromLink(given.slice(given.indexOf("#")), work.setup) ?? blank();
    try {
      return fromPreset(JSON.parse(given), work.setup);
    } catch (error) {
      throw error instanceof SyntaxError ? new Error('This is no JSON. Write it like {"smile": 1.5}.') : error;
    }
  };
  part.querySelector(".copy").addEventListener("click", () => copy(JSON.stringify(portable(work.edit))));
  part.querySelector(".link").addEventListener("click", () => copy(`${location.href.split("#")[0]}${toLink(work.kind, work.edit)}`));
  part.querySelector(".apply").addEventListener("click", () => {
    try {
      work.become(read(text.value.trim()));
    } catch (error) {
      work.tell(error.message);
    }
  });
  const follow = () => (text.value = JSON.stringify(portable(work.edit)));
  work.on("opened face settled", follow);
  follow();
}
