// The third mode: the expression of another photo.

import { Refused, send } from "./api.js";
import { addAmount } from "./amount.js";
import { busy, chooser, element, escaped, isPicture, onFiles } from "./dom.js";
import { fitting } from "./shrinking.js";
import { startedFrom } from "./record.js";

const PARTS = [["All", null], ["Mouth", ["mouth"]], ["Eyes and brows", ["eyes", "brows"]]];

export function addReference(work, place) {
  const part = element(`<div><p class="hint">Take the expression of another face.</p>
    <div class="drop"></div><div class="pictures donors"></div></div>`);
  place.append(part);
  const [drop, donors] = [part.querySelector(".drop"), part.querySelector(".donors")];
  const file = chooser("Choose or drop a photo", { name: "donor", look: "dropper" });
  drop.append(file);
  const take = (files) =>
    busy(drop, "Looking for the face…", () => work.attempt(async () => choose(await opened(work, files.find(isPicture)))));
  onFiles(file, take);
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    work.root.classList.remove("dropping");
    take([...event.dataTransfer.files]);
  });

  const items = work.setup.donors.map((donor) => ({ ...donor }));
  const isOwn = (donor) => work.donors.includes(donor);
  const choose = async (donor) => {
    if (!donor || !work.face?.e) return;
    if (!items.includes(donor) && !isOwn(donor)) work.donors.unshift(donor);
    donor.e ??= (await work.keys.ask("pick", { key: donor.key })).e;
    work.become({ ...startedFrom(work.edit, { e: donor.e, donor: isOwn(donor) ? donor.key : null, parts: work.edit.parts }), mode: "photo" });
    fill();
  };
  const fill = () => {
    const chosen = JSON.stringify(work.edit.e);
    donors.replaceChildren(
      ...[...work.donors, ...items].map((donor) => {
        const button = element(`<button type="button" aria-pressed="${Boolean(donor.e) && JSON.stringify(donor.e) === chosen}">
          <img src="${donor.picture}" alt="${escaped(donor.label)}" title="${escaped(donor.label)}"></button>`);
        button.addEventListener("click", () => work.attempt(() => choose(donor)));
        return button;
      }),
    );
  };
  const amounts = element(`<div></div>`);
  place.append(amounts);
  addAmount(work, amounts, "Amount", (edit) => edit.e !== null);
  addParts(work, place);
  const clip = element(`<div class="bar"><button type="button" class="button">Follow a clip…</button></div>`);
  clip.firstElementChild.addEventListener("click", () => work.emit("follow"));
  place.append(clip);
  addTeeth(work, place);
  work.on("opened face settled", fill);
  fill();
}

// Opens a second photo, whose face gives its expression or its teeth.
export async function opened(work, file) {
  if (!file) throw new Refused("This is no picture. Choose a JPEG, PNG, WebP or HEIC photo.", 422);
  const { blob } = await fitting(file, work.setup.limits);
  const reopen = async () => (await send(work.kind, "open", blob)).json();
  const record = await reopen();
  if (!record.e) throw new Refused(`No face was found in ${file.name}. Use a photo from the front.`, 422);
  const key = work.keys.add(record.key, reopen, blob);
  const [picture] = (await work.keys.ask("tiles", { key, edits: [{}] })).pictures;
  return { key, e: record.e, picture, label: file.name }; // the visitor's own photo lends its teeth, too
}

function addParts(work, place) {
  const part = element(`<div class="segments" role="group" aria-label="What to take">${PARTS.map(
    ([label]) => `<button type="button" aria-pressed="false">${label}</button>`).join("")}</div>`);
  place.append(part);
  const buttons = [...part.children];
  buttons.forEach((button, at) =>
    button.addEventListener("click", () => work.become({ ...work.edit, parts: PARTS[at][1] })));
  const follow = () => {
    part.hidden = work.edit.e === null;
    const chosen = JSON.stringify(work.edit.parts ?? null);
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(JSON.stringify(PARTS[at][1]) === chosen)));
  };
  work.on("opened face settled", follow);
  follow();
}

// The person's own teeth, from another photo of theirs.
function addTeeth(work, place) {
  const part = element(`<details class="teeth"><summary>Their own teeth</summary><p class="hint">Where the mouth opens, take
    the teeth from another photo of this person, one in which they show.</p><div class="bar"></div></details>`);
  place.append(part);
  const bar = part.querySelector(".bar");
  const file = chooser("Choose that photo", { name: "teeth" });
  const clear = element(`<button type="button" class="button" hidden>Leave them out</button>`);
  bar.append(file, clear);
  onFiles(file, (files) =>
    busy(bar, "Looking for the face…", () => work.attempt(async () => {
      const { key } = await opened(work, files[0]);
      if (await showsTeeth(work, key)) work.become({ ...work.edit, teeth: key });
      else work.tell("No teeth can be taken from this photo. Choose one in which they show, as large and from the same side.");
    })));
  clear.addEventListener("click", () => work.become({ ...work.edit, teeth: null }));
  work.on("opened face settled", () => (clear.hidden = !work.edit.teeth));
}

// Whether an opened photo can lend its teeth to the chosen face; yes where the server does not say.
async function showsTeeth(work, key) {
  if (!work.setup.live) return true;
  const mouth = await work.keys.send("live", { key: work.face.key, donor: key });
  return (await mouth.arrayBuffer()).byteLength > 0;
}
