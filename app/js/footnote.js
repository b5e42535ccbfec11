// The line under the photo: what may be edited, and deleting the photos from the server.

import { deleteAll } from "./api.js";
import { element } from "./dom.js";
import { ask } from "./dialog.js";

export function addFootnote(work, place, look = "") {
  const part = element(`<p class="footnote ${look}"><span>Edit only photos you may edit. Results are marked as AI-made. Photos
    are kept for an hour at most.</span> <button type="button" class="link erase">Delete my photos now</button></p>`);
  place.append(part);
  part.querySelector("button").addEventListener("click", () => erase(work));
}

async function erase(work) {
  const answer = await ask({
    title: "Delete your photos from the server?",
    text: "This ends your work on them. Files that you have saved stay yours.",
    choices: [["delete", "Delete", "primary"], ["stay", "Cancel"]],
  });
  if (answer !== "delete") return;
  await work.attempt(async () => {
    const count = await deleteAll();
    const what = count === 0 ? "There was nothing of yours on the server." : count === 1
      ? "1 photo and everything made from it was deleted from the server."
      : `${count} photos and everything made from them were deleted from the server.`;
    work.markSaved(); // nothing is left to ask about
    await ask({ title: "Deleted", text: what, choices: [["stay", "Start again", "primary"]] });
    location.reload();
  });
}
