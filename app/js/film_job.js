// A film that the server makes: a button, its progress, Cancel, the film, and Save.

import { element, escaped, sentence } from "./dom.js";

const GLANCES = 400; // ms between progress requests

// Returns { button, keep, run, refuse, made, suffix }. `run(start)` calls start(signal, name) for the server's answer.
export function addJob(work, place, { label, words, alt }) {
  const part = element(`<div class="job"><div class="bar making"><button type="button" class="button primary make">${escaped(label)}</button>
      <button type="button" class="button cancel" hidden>Cancel</button>
      <button type="button" class="button keep" hidden>Save the film</button></div>
    <div class="progress" hidden><progress max="1" aria-label="${escaped(words)}"></progress><output role="status">${escaped(words)}</output></div>
    <p class="notice error" role="alert" hidden></p><div class="film"></div></div>`);
  place.append(part);
  const find = (name) => part.querySelector(name);
  const [button, cancel, keep] = [".make", ".cancel", ".keep"].map(find);
  const [progress, refused, film] = [".progress", ".notice", ".film"].map(find);
  let running = null;
  cancel.addEventListener("click", () => running?.abort());

  const job = { button, keep, made: null, suffix: "", run, refuse };

  function refuse(message) {
    refused.hidden = !message;
    refused.textContent = message && sentence(message);
  }

  async function run(start) {
    if (running) return;
    running = new AbortController();
    const name = Math.random().toString(36).slice(2);
    const bar = progress.querySelector("progress");
    bar.removeAttribute("value");
    refuse("");
    const watch = setInterval(async () => {
      const { share } = await work.keys.ask("progress", { job: name }).catch(() => ({}));
      if (share) bar.value = share;
    }, GLANCES);
    set(true);
    try {
      const answer = await start(running.signal, name);
      show(await answer.blob());
    } catch (error) {
      refuse(error.name === "AbortError" ? "Cancelled. Nothing was made." : error.message);
    } finally {
      clearInterval(watch);
      running = null;
      set(false);
    }
  }

  function set(busy) {
    [button.disabled, cancel.hidden, progress.hidden] = [busy, !busy, !busy];
    keep.hidden = busy || !job.made;
    button.classList.toggle("primary", !job.made);
    keep.classList.toggle("primary", Boolean(job.made));
    if (busy) cancel.focus();
  }

  // Shows the film, playing unless the visitor has asked for less motion.
  function show(blob) {
    if (job.made) URL.revokeObjectURL(film.firstElementChild.dataset.url);
    const url = URL.createObjectURL(blob);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    Object.assign(job, { made: blob, suffix: blob.type.split("/")[1] });
    film.replaceChildren(blob.type.startsWith("video/") ? video(url, alt, calm) : picture(url, alt, calm, blob));
    film.firstElementChild.dataset.url = url;
    film.scrollIntoView({ block: "nearest" });
  }

  return job;
}

function video(url, alt, calm) {
  return element(`<video src="${url}" ${calm ? "" : "autoplay muted"} loop playsinline controls aria-label="${escaped(alt)}"></video>`);
}

// An animated picture; still, with a button to play it, if `calm`.
function picture(url, alt, calm, blob) {
  const part = element(`<div><img ${calm ? "" : `src="${url}"`} alt="${escaped(alt)}"><div class="bar" ${calm ? "" : "hidden"}>
    <button type="button" class="button">Play</button></div></div>`);
  const [image, bar] = part.children;
  if (calm) first(blob).then((still) => image.hasAttribute("src") || (image.src = still));
  bar.firstElementChild.addEventListener("click", () => {
    image.src = url;
    bar.hidden = true;
  });
  return part;
}

// The first frame of an animated picture, as a data: URL.
async function first(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.toDataURL("image/jpeg", 0.9);
}
