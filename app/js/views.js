// Face or whole photo, and what is marked on the picture: clicked eyes, and the work that goes on.

import { element } from "./dom.js";
import { placed } from "./view.js";

export function addViews(work, stage) {
  const views = element(`<div class="views" role="group" aria-label="View">
    <button type="button" class="face" aria-pressed="true">Face</button>
    <button type="button" class="whole" aria-pressed="false">Whole photo</button></div>`);
  stage.root.append(views);
  const [face, whole] = views.children;
  face.addEventListener("click", () => stage.toFace());
  whole.addEventListener("click", () => stage.toWhole());
  stage.addEventListener("view", () => {
    face.setAttribute("aria-pressed", String(stage.fitted === "face"));
    whole.setAttribute("aria-pressed", String(stage.fitted === "whole"));
    mark();
  });
  const mark = () => {
    const dots = (stage.eyes ?? []).map((eye) => {
      const [x, y] = placed(stage.view, eye, stage.frame);
      return element(`<span class="eye" style="left:${x}px;top:${y}px"></span>`);
    });
    stage.marks.replaceChildren(...dots);
  };
  stage.addEventListener("eyes", mark);
  work.on("opened", (photo) => {
    stage.eyes = [];
    views.hidden = !photo.faces.length;
    stage.root.classList.toggle("pointing", !photo.faces.length);
  });
  work.on("face", () => stage.root.classList.remove("pointing"));
}
