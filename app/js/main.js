// Builds the workbench of a tab, with the photo or digit on the left and the tools on the right.

import { addAnimation } from "./animate.js";
import { leave } from "./api.js";
import { Bench } from "./workbench.js";
import { element, escaped, walk } from "./dom.js";
import { addDonor } from "./donor.js";
import { addGrid } from "./grid.js";
import { addMany } from "./many.js";
import { addPad } from "./pad.js";
import { addPhoto } from "./photo.js";
import { addPictures } from "./pictures.js";
import { addPrivacy } from "./privacy.js";
import { addRandom } from "./random.js";
import { addShare } from "./share.js";
import { addSliders } from "./sliders.js";
import { Tray } from "./tray.js";

window.addEventListener("pagehide", leave); // the image is reopened if the visitor comes back

export function mount(host) {
  const root = host.querySelector(".rb");
  if (!root || root.dataset.mounted) return;
  root.dataset.mounted = "yes";
  const bench = new Bench(root, JSON.parse(root.dataset.setup));
  const faces = bench.kind === "faces";
  root.innerHTML = `<div class="left"></div><div class="right"></div>`;
  const [left, right] = root.children;
  const tray = new Tray(bench);
  addPictures(bench, right);
  const tools = addTools(bench, right);
  addSliders(bench, tools("Sliders"));
  addShare(bench, tools("Sliders"));
  addRandom(bench, tools("Random"));
  addDonor(bench, tools(faces ? "Copy a face" : "Copy a style"), tray);
  addGrid(bench, tools("Grid"), tray);
  addAnimation(bench, tools("Film"));
  if (faces) addMany(bench, tools("Many photos"));
  (faces ? addPhoto : addPad)(bench, left); // last, because it opens an example
  addPrivacy(bench, left);
}

// Adds the tabs of the tools. Returns a function from a name to its panel, which is created on first use.
function addTools(bench, place) {
  const part = element(`<div class="tools"><div class="names" role="tablist"></div></div>`);
  place.append(part);
  walk(part.querySelector(".names"));
  const panels = new Map();
  const choose = (name) =>
    panels.forEach(({ tab, panel }, other) => {
      tab.setAttribute("aria-selected", other === name);
      tab.tabIndex = other === name ? 0 : -1; // the arrow keys reach the others
      panel.hidden = other !== name;
    });
  return (name) => {
    if (!panels.has(name)) {
      const tab = element(`<button type="button" role="tab" aria-selected="false">${escaped(name)}</button>`);
      const panel = element(`<div role="tabpanel" aria-label="${escaped(name)}"></div>`);
      tab.addEventListener("click", () => {
        choose(name);
        panel.dispatchEvent(new Event("shown"));
      });
      part.querySelector(".names").append(tab);
      part.append(panel);
      panels.set(name, { tab, panel });
      choose([...panels.keys()][0]);
    }
    return panels.get(name).panel;
  };
}
