// Save as a film: a short one of the change, from a start to what is shown now, of all faces with an edit.

import { element, save } from "./dom.js";
import { addJob } from "./film_job.js";
import { isStill, plain } from "./record.js";
import { fileName } from "./saving_names.js";

const NOTHING = "Nothing changes yet. Choose an expression first, then make its film.";

export function addFilm(work, place) {
  const formats = work.setup.formats.map((f) => `<option value="${f}">${f === "webp" ? "WebP" : f.toUpperCase()}</option>`).join("");
  const part = element(`<div class="filming"><div class="bar">
      <label class="inline">Start <select class="start"><option value="own">as it was</option>
        <option value="neutral">the neutral face</option></select></label>
      <label class="inline">Show <select class="view"><option value="photo">the whole photo</option>
        <option value="crop">the chosen face</option></select></label>
      <label class="inline">Format <select class="format">${formats}</select></label></div></div>`);
  place.append(part);
  const [start, view, format] = [".start", ".view", ".format"].map((name) => part.querySelector(name));

  const edits = () => {
    const faces = work.photo.faces.filter(({ edit, key }) => key && edit && !isStill(edit));
    const chosen = view.value === "crop" || (!faces.length && start.value === "neutral") ? [work.face] : faces;
    const given = chosen.filter((face) => face?.key).map(({ key, edit }) => ({ key, edit: plain(edit) }));
    const isChange = given.some(({ edit }) => JSON.stringify(edit) !== (start.value === "own" ? "{}" : '{"tile":"neutral"}'));
    return isChange ? given : [];
  };
  const job = addJob(work, part, { label: "Make the film", words: "Drawing the frames…", alt: "The change as a film" });
  job.button.addEventListener("click", () => {
    const given = edits();
    if (!given.length) return job.refuse(NOTHING);
    const fields = { edits: given, start: start.value, format: format.value, view: view.value };
    return job.run((signal, name) => work.keys.send("film", { ...fields, job: name }, signal));
  });
  job.keep.addEventListener("click", () => save(job.made, fileName({ ...work.photo, suffix: job.suffix })));
}
