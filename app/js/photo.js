// The photo: its source, the choice of a face, and the before/after view of the edit.

import { newest } from "./api.js";
import { LATER } from "./workbench.js";
import { addCamera } from "./camera.js";
import { busy, chooser, element, escaped, save, show } from "./dom.js";
import { Moving } from "./moving.js";

export function addPhoto(bench, place) {
  const part = element(`<div class="photo">
    <div class="bar sources"></div>
    <div class="view"><div class="stage"><img class="before" alt="Your photo" hidden>
      <img class="patch" alt="" hidden><canvas class="moving" aria-hidden="true" width="0" hidden></canvas><div class="divider" hidden></div>
      <div class="marks"></div><div class="empty drop">Drop a photo here</div></div></div>
    <label class="compare" hidden><span>After</span><input type="range" min="0" max="100" value="0"
      aria-label="Before and after"><span>Before</span></label>
    <div class="result" hidden>
      <div class="blends" role="radiogroup" aria-label="How the edit goes into the photo">
        <label title="Adds only the change to the photo, which stays sharp"><img class="preview" alt="" hidden>
          <span><input type="radio" name="blend" value="keep" checked> Keep the photo's detail</span></label>
        <label title="Lays the face that the model draws over the photo"><img class="preview" alt="" hidden>
          <span><input type="radio" name="blend" value="replace"> Use the model's face</span></label></div>
      <div class="bar"><button type="button" class="button primary slow download">Download</button></div>
    </div></div>`);
  place.append(part);
  const stage = part.querySelector(".stage");
  const [before, patch] = stage.querySelectorAll("img");
  const canvas = stage.querySelector(".moving");
  const moving = new Moving(bench, canvas, before);
  const previews = part.querySelectorAll(".preview"); // with the photo's detail, and with the model's face
  const [marks, sources] = [part.querySelector(".marks"), part.querySelector(".sources")];
  const compare = part.querySelector(".compare input");
  const replace = part.querySelector("input[value=replace]");
  const keep = () => !replace.checked;
  part.querySelector(".blends").hidden = bench.inPhoto; // there is only one way to paste

  const place4 = (node, [left, top, right, bottom]) => {
    const [width, height] = bench.record.size;
    Object.assign(node.style, {
      left: `${(100 * left) / width}%`,
      top: `${(100 * top) / height}%`,
      width: `${(100 * (right - left)) / width}%`,
      height: `${(100 * (bottom - top)) / height}%`,
    });
  };
  const divide = () => {
    const left = parseFloat(patch.style.left);
    const hidden = (100 * (Number(compare.value) - left)) / parseFloat(patch.style.width);
    for (const edit of [patch, canvas]) edit.style.clipPath = `inset(0 0 0 ${Math.min(100, Math.max(0, hidden))}%)`;
    const divider = stage.querySelector(".divider");
    divider.style.left = `${compare.value}%`;
    divider.hidden = compare.value === "0" || compare.value === "100";
  };

  let current = false; // whether the stage shows the opened photo
  const openPhoto = async (blob) => {
    if (!blob) return;
    current = false;
    part.classList.add("waiting");
    const local = new Image();
    local.src = URL.createObjectURL(blob);
    const decoded = local.decode().then(() => local.src, () => null); // in parallel
    const record = await busy(sources, "Finding the face…", () => bench.openFile(blob));
    part.classList.remove("waiting");
    if (record) await showPhoto(await decoded);
    else {
      URL.revokeObjectURL(local.src);
      current = true; // the previous photo stays open
    }
  };
  const showPhoto = async (local = null) => {
    const { record } = bench;
    const source = local ?? URL.createObjectURL(await (await bench.answer("source")).blob());
    if (bench.record !== record) return;
    if (before.src.startsWith("blob:")) URL.revokeObjectURL(before.src);
    await show(before, source);
    before.hidden = false;
    part.querySelector(".drop").hidden = true;
    current = true;
    prepare();
  };
  const openExample = (example, preset) =>
    bench.attempt(async () => {
      current = false;
      await bench.pick(example, preset);
      await showPhoto();
    });
  const point = (pointed, words) =>
    bench.attempt(() =>
      busy(sources, words, async () => {
        const record = await bench.ask("face", pointed);
        bench.pointed = pointed;
        bench.open(record);
      }),
    );

  // Numbered boxes to choose a face; if none was found, the visitor clicks the two eyes.
  let eyes = [];
  const mark = (record) => {
    eyes = [];
    stage.classList.toggle("pointing", !record.original);
    const several = record.boxes.length > 1;
    marks.replaceChildren(
      ...record.boxes.map((box, i) => {
        const chosen = i === record.face;
        const button = element(`<button type="button" class="box" aria-pressed="${chosen}" ${several ? "" : "disabled"}
          aria-label="Face ${i + 1}"><span>${several ? i + 1 : ""}</span></button>`);
        place4(button, box);
        button.addEventListener("click", () => point({ face: i }, "Looking at that face…"));
        return button;
      }),
    );
  };
  stage.addEventListener("click", (event) => {
    if (!stage.classList.contains("pointing")) return;
    const frame = before.getBoundingClientRect();
    const [width, height] = bench.record.size;
    const [x, y] = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    eyes.push([x * width, y * height]);
    const dot = element(`<span class="eye" style="left:${100 * x}%;top:${100 * y}%"></span>`);
    marks.append(dot);
    if (eyes.length === 2) {
      const both = eyes.sort((a, b) => a[0] - b[0]);
      marks.querySelectorAll(".eye").forEach((eye) => eye.remove());
      eyes = [];
      point({ eyes: both }, "Looking at that face…");
    }
  });

  // Pastes the edit into the photo, also while a slider moves. When it stops, measures how much the identity shifts as well.
  let pasted = {};
  const paste = newest(async () => {
    const { record, change } = bench;
    const now = { record, change, keep: keep() };
    if (!record?.original || Object.keys(now).every((name) => now[name] === pasted[name])) return;
    const { picture, box } = await bench.ask("paste", { change, keep: now.keep });
    if (bench.record !== record) return;
    await show(patch, picture);
    for (const edit of [patch, canvas]) place4(edit, box);
    divide();
    patch.hidden = false;
    if (bench.change === change) canvas.hidden = true;
    pasted = { ...now, box };
    setTimeout(prepare, LATER);
  });
  const measure = newest(async () => {
    const { record, change } = bench;
    if (!record?.original || bench.inPhoto) return;
    const shift = await bench.ask("identity_shift", { change });
    if (bench.record !== record) return;
    bench.emit("identity_shift", shift);
    const both = (await bench.ask("previews", { change })).previews;
    if (bench.record !== record) return;
    previews.forEach((image, i) => Object.assign(image, { src: both[i], hidden: false }));
  });
  bench.on("opened", (record) => {
    patch.hidden = canvas.hidden = true;
    mark(record);
    for (const name of [".compare", ".result"]) part.querySelector(name).hidden = !record.original;
    if (!record.original) stage.scrollIntoView({ block: "nearest" }); // the visitor clicks the eyes there
    const [width, height] = record.size;
    stage.style.setProperty("--ratio", width / height);
    stage.style.setProperty("--most", `${2 * height}px`);
  });
  const prepare = () => current && pasted.box && pasted.record === bench.record && moving.prepare(pasted.record, pasted.box);
  const here = () => moving.ready && keep();
  bench.on("changed", () => here() || paste());
  bench.on("sketched", (picture) => {
    if (!here()) return;
    moving.draw(picture);
    canvas.dataset.sketches = Number(canvas.dataset.sketches ?? 0) + 1;
    canvas.hidden = false;
  });
  bench.on("ready", prepare);
  bench.on("settled", paste);
  bench.on("settled", measure);
  compare.addEventListener("input", divide);
  part.querySelectorAll("input[name=blend]").forEach((radio) => radio.addEventListener("change", paste));
  part.querySelector(".download").addEventListener("click", () =>
    bench.attempt(() =>
      busy(part.querySelector(".result .bar"), "Writing the photo…", async () =>
        save(await (await bench.answer("download", { change: bench.change, keep: keep() })).blob(), "edited.jpg"),
      ),
    ),
  );

  // Sources of photos.
  const file = chooser("Choose a photo", { name: "photo" });
  file.classList.add("primary");
  file.querySelector("input").addEventListener("change", (event) => {
    openPhoto(event.target.files[0]);
    event.target.value = "";
  });
  sources.append(file);
  addCamera(bench, sources, stage, openPhoto);
  const examples = element(`<span class="pictures tiny examples" aria-label="Examples"></span>`);
  for (const example of bench.setup.examples) {
    const button = element(`<button type="button" title="${escaped(example.label)}">
      <img src="${example.picture}" alt="${escaped(example.label)}"></button>`);
    button.addEventListener("click", () => openExample(example));
    examples.append(button);
  }
  sources.append(examples);
  const isPicture = (item) => item.type.startsWith("image/");
  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])].find(isPicture);
    if (pasted && bench.root.offsetParent) openPhoto(pasted);
  });
  part.addEventListener("dragover", (event) => event.preventDefault());
  part.addEventListener("drop", (event) => {
    event.preventDefault();
    openPhoto([...event.dataTransfer.files].find(isPicture));
  });
  if (bench.setup.examples.length) openExample(bench.setup.examples[0], bench.setup.start);
}
