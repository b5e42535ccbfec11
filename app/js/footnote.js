// The line under the photo: what may be edited, and deleting the photos from the server.

import { deleteAll } from "./api.js";
import { element } from "./dom.js";
import { ask } from "./dialog.js";
import { emptyTab, others, tellOthers } from "./tabs.js";

export function addFootnote(work, place, look = "") {
  const part = element(`<p class="footnote ${look}"><span>Edit only photos you may. Results are marked as AI-made. Photos
    stay an hour at most, here and on the server.</span> <button type="button" class="link erase">Delete my photos now</button></p>`);
  place.append(part);
  part.querySelector("button").addEventListener("click", () => erase(work));
}

async function erase(work) {
  const answer = await ask({
    title: "Delete your photos?",
    text: "They are deleted from the server and from this browser, those in other tabs of this page too. This ends your work on them. Files that you have saved stay yours.",
    choices: [["delete", "Delete", "primary"], ["stay", "Cancel"]],
  });
  if (answer !== "delete") return;
  await work.attempt(async () => {
    const here = await deleteAll();
    const elsewhere = await Promise.all(others().map((visitor) => deleteAll(visitor)));
    const emptied = await work.keeping.erase().then(() => true, () => false);
    work.markSaved(); // nothing is left to ask about
    emptyTab();
    tellOthers();
    const text = `${onServer(here, elsewhere.reduce((sum, count) => sum + count, 0))} ${emptied ? "This browser keeps none of them either."
      : "This browser could not delete its copies: clear this site's data in its settings."}`;
    await ask({ title: "Deleted", text, choices: [["stay", "Start again", "primary"]] });
    location.reload();
  });
}

function onServer(here, elsewhere) {
  const count = here + elsewhere;
  if (!count) return "There was nothing of yours on the server.";
  const among = !elsewhere ? "" : here ? `, ${elsewhere} of them in other tabs,` : ", opened in other tabs,";
  return count === 1 ? `1 photo${among} and everything made from it was deleted from the server.`
    : `${count} photos${among} and everything made from them were deleted from the server.`;
}
