// Takes a photo with the visitor's camera.

import { element, icon } from "./dom.js";

export async function openCamera(work, stage, taken) {
  if (stage.root.querySelector(".camera")) return;
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1920 } } });
  } catch {
    work.tell("The camera can't be used here. Allow it in the browser, or open a photo.");
    return;
  }
  const view = element(`<div class="camera"><video autoplay playsinline muted></video><div class="bar">
    <button type="button" class="button primary">Take the photo</button>
    <button type="button" class="button" aria-label="Close the camera">${icon("close")}</button></div></div>`);
  const video = view.querySelector("video");
  const [take, close] = view.querySelectorAll("button");
  video.srcObject = stream;
  stage.root.append(view);
  take.focus();
  const end = () => {
    stream.getTracks().forEach((track) => track.stop());
    view.remove();
  };
  close.addEventListener("click", end);
  view.addEventListener("keydown", (event) => event.key === "Escape" && end());
  take.addEventListener("click", () => {
    if (!video.videoWidth) return;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => taken(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.95);
    end();
  });
}
