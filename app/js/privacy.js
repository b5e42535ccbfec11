// The "Delete my photos now" button: deletes all images of this visitor from the server and the page.

import { Refused, deleteAll } from "./api.js";
import { element } from "./dom.js";

const benches = [];

export function addPrivacy(bench, place) {
  benches.push(bench);
  const part = element(`<div class="bar privacy"><button type="button" class="button erase">Delete my photos now</button>
    <span class="hint">Photos stay in the server's memory while you edit, an hour at most.</span></div>`);
  place.append(part);
  part.querySelector("button").addEventListener("click", () => bench.attempt(erase));
}

async function erase() {
  const count = await deleteAll().catch(() => undefined);
  if (count === undefined) throw new Refused("The app can't be reached, so nothing was deleted; try again", 0);
  for (const bench of benches) {
    Object.assign(bench, { source: null, pointed: null, record: null }); // so that it is not opened again
    const words = count === 1 ? "1 picture was" : `${count} pictures were`;
    const told = element(`<div class="notice" role="status"><p>${words} deleted from the server; it keeps nothing of
      yours.</p><button type="button" class="button primary">Start again</button></div>`);
    told.querySelector("button").addEventListener("click", () => location.reload());
    bench.root.replaceChildren(told);
  }
}
