// A film in which the chosen face follows the face of a clip.

import { chooser, element, onFiles, save } from "./dom.js";
import { addJob } from "./film_job.js";
import { plain } from "./record.js";
import { stem } from "./saving_names.js";

export function addClip(work, place) {
  const { seconds, bytes } = work.setup.clip;
  const part = element(`<div class="clip"><p class="hint">The chosen face of your photo does what the face in a clip does, with the
    clip's sound. Up to ${seconds} seconds and ${bytes / 1e6} MB, one face, seen from the front. It takes a minute or two.</p>
    <p class="chosen" role="status" hidden></p></div>`);
  place.append(part);
  const chosen = part.querySelector(".chosen");
  const file = chooser("Choose a clip", { accept: "video/*,.mkv", name: "clip" });
  const job = addJob(work, part, { label: "Follow the clip", words: "Following the clip…", alt: "Your photo, following the clip" });
  job.button.before(file);
  job.button.disabled = true;
  let clip = null;
  onFiles(file, async ([given]) => {
    clip = null;
    job.button.disabled = true;
    chosen.hidden = true;
    const refusal = await refused(given, seconds, bytes);
    job.refuse(refusal);
    if (refusal) return;
    clip = given;
    chosen.hidden = false;
    chosen.textContent = given.name;
    job.button.disabled = false;
    job.button.focus();
  });
  job.button.addEventListener("click", () => {
    const { face } = work;
    if (!face?.key) return job.refuse("There is no face to move. Open a photo with a face first.");
    const { parts, teeth } = plain(face.edit);
    const fields = { key: face.key, edit: { ...(parts && { parts }), ...(teeth && { teeth }) } };
    return job.run((signal, name) => work.keys.send("drive", { ...fields, job: name }, signal, clip));
  });
  job.keep.addEventListener("click", () => save(job.made, `${stem(work.photo.name)}-follows-${stem(clip?.name ?? "clip")}.mp4`));
}

// Why a clip cannot be taken, before it is sent; "" if nothing speaks against it.
async function refused(file, seconds, bytes) {
  if (file.type && !file.type.startsWith("video/") && file.type !== "image/gif") return "This is no clip. Choose an MP4, MOV or WebM.";
  if (file.size > bytes) return `This clip has ${Math.ceil(file.size / 1e6)} MB, and ${bytes / 1e6} MB is the most. Trim it, or save it smaller.`;
  const length = await lengthOf(file);
  return length > seconds + 0.5 ? `This clip lasts ${Math.round(length)} seconds, and ${seconds} is the most. Trim it first.` : "";
}

// The length in seconds; 0 if this browser cannot read it, and the server has to.
async function lengthOf(file) {
  const video = document.createElement("video");
  video.preload = "metadata";
  video.src = URL.createObjectURL(file);
  const length = await new Promise((done) => {
    video.onloadedmetadata = () => done(Number.isFinite(video.duration) ? video.duration : 0);
    video.onerror = () => done(0);
    setTimeout(() => done(0), 3000);
  });
  URL.revokeObjectURL(video.src);
  return length;
}
