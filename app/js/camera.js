// Takes a photo with the visitor's camera.

import { element } from "./dom.js";

export function addCamera(bench, bar, stage, taken) {
  const button = element(`<button type="button" class="button camera">Camera</button>`);
  bar.append(button);
  let close = null;
  button.addEventListener("click", async () => {
    if (close) return close();
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
    } catch {
      return bench.tell("The camera can't be used here; allow it in the browser, or choose a photo", "warning");
    }
    const view = element(`<div class="camera"><video autoplay playsinline muted></video>
      <button type="button" class="button primary">Take the photo</button></div>`);
    const video = view.querySelector("video");
    video.srcObject = stream;
    stage.append(view);
    button.textContent = "Close the camera";
    close = () => {
      stream.getTracks().forEach((track) => track.stop());
      view.remove();
      button.textContent = "Camera";
      close = null;
    };
    view.querySelector("button").addEventListener("click", () => {
      if (!video.videoWidth) return;
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob(taken, "image/jpeg", 0.95);
      close();
    });
    return undefined;
  });
}
