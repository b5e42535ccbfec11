// The example photos: offered until the visitor has opened a photo of their own.

import { element, escaped } from "./dom.js";
import { blank, fromLink } from "./record.js";

export function addExamples(work, opening, place) {
  const examples = element(`<div class="examples" role="group" aria-label="Examples"><span>Try one of these people, or drop
    a photo anywhere.</span></div>`);
  for (const example of work.setup.examples) {
    const button = element(`<button type="button"><img src="${example.picture}" alt="${escaped(example.label)}"></button>`);
    button.addEventListener("click", async () => {
      if (await opening.mayLeave()) opening.openExample(example, firstEdit(work.setup));
    });
    examples.append(button);
  }
  place.append(examples);
  work.on("opened", (photo) => (examples.hidden = !photo.example));

  // A link with an edit is for the first photo, and for the next ones until one is edited.
  const arrive = () => {
    try {
      const edit = fromLink(location.hash, work.setup);
      if (!edit) return;
      opening.preset = edit;
      if (work.face?.e) work.become(edit);
    } catch (error) {
      work.tell(`This link can't be followed. ${error.message}`);
    }
  };
  window.addEventListener("hashchange", arrive);
  arrive();
  work.on("settled", () => {
    if (work.past.length && opening.preset) opening.preset = null;
  });
}

// The edit that an example is shown with, so that a first visitor sees at once what this is about.
export function firstEdit(setup) {
  const tile = setup.tiles.find(({ name }) => name === setup.first);
  return tile ? { ...blank(), tile: tile.name } : null;
}
