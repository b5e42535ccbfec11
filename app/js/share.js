// Shares the edit as JSON or as a link, which contain only slider values, never the photo.

import { element } from "./dom.js";
import { Refused } from "./api.js";

export function addShare(bench, place) {
  const part = element(`<details class="share"><summary>Save or share these settings</summary>
    <textarea rows="2" spellcheck="false" aria-label="Slider values as JSON">{}</textarea>
    <div class="bar">
      <button type="button" class="button apply">Apply</button>
      <button type="button" class="button copy">Copy</button>
      <button type="button" class="button link">Copy a link</button>
      <span class="done" role="status"></span></div>
    <p class="hint">The link holds the slider values only: no photo leaves with it.</p></details>`);
  place.append(part);
  const text = part.querySelector("textarea");
  const done = part.querySelector(".done");
  const link = () => {
    const values = new URLSearchParams(Object.entries(bench.preset));
    return `${location.href.split("#")[0]}#${bench.kind}?${values}`;
  };
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
  const press = (name, act) => part.querySelector(`.${name}`).addEventListener("click", act);
  press("copy", () => copy(JSON.stringify(bench.preset)));
  press("link", () => copy(link()));
  const aboutThis = (hash) => {
    const named = fromLink(bench, hash);
    if (!named) throw new Refused("this link is not about what is on this tab", 422);
    return named;
  };
  press("apply", () =>
    bench.attempt(async () => {
      const given = text.value.trim();
      if (given.includes("#")) return bench.take(aboutThis(given.slice(given.indexOf("#"))));
      let named;
      try {
        named = JSON.parse(given);
      } catch {
        throw new Refused('this is not JSON; write it like {"smile": 1.5}', 422);
      }
      return bench.take(named ?? {});
    }),
  );
  bench.on("settled", () => (text.value = JSON.stringify(bench.preset)));

  const arrive = () =>
    bench.attempt(async () => {
      const wanted = fromLink(bench, location.hash);
      if (!wanted) return;
      bench.fromPreset(wanted); // throws now if invalid, not when the next photo is opened
      bench.wanted = wanted;
      if (bench.record?.original) bench.take(wanted, false);
    });
  window.addEventListener("hashchange", arrive);
  arrive();
}

// Parses a hash such as "#faces?smile=1.5" into a preset. Returns null if it is for another tab or has no values.
export function fromLink(bench, hash) {
  const [kind, query] = hash.replace(/^#/, "").split("?");
  if (kind !== bench.kind || !query) return null;
  return Object.fromEntries([...new URLSearchParams(query)].map(([name, value]) => [name, Number(value)]));
}
