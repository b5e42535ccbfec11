// Dialogs of the page: questions with a few answers, and tools in a window of their own.

import { element, escaped, icon } from "./dom.js";

// Asks a question. Resolves to the name of the chosen answer, or to "stay" if the dialog was closed.
export function ask({ title, text, choices }) {
  const dialog = element(`<dialog class="rb-dialog" aria-label="${escaped(title)}"><h2>${escaped(title)}</h2>
    <p>${escaped(text)}</p><form method="dialog" class="bar">${choices
      .map(([name, label, look = ""]) => `<button class="button ${look}" value="${name}">${escaped(label)}</button>`)
      .join("")}</form></dialog>`);
  open(dialog);
  return new Promise((answer) =>
    dialog.addEventListener("close", () => {
      answer(dialog.returnValue || "stay");
      dialog.remove();
    }),
  );
}

// A window with a title, filled by `fill(place)` when it is first opened. It keeps its content when it is closed.
export function toolWindow(title, fill) {
  let dialog = null;
  return () => {
    if (!dialog) {
      dialog = element(`<dialog class="rb-dialog wide" aria-label="${escaped(title)}"><div class="head"><h2>${escaped(title)}</h2>
        <form method="dialog"><button class="quiet" aria-label="Close">${icon("close")}</button></form></div>
        <div class="content"></div></dialog>`);
      fill(dialog.querySelector(".content"), dialog);
    }
    open(dialog);
  };
}

function open(dialog) {
  dialog.classList.add("rb");
  if (!dialog.isConnected) document.querySelector(".gradio-container").append(dialog);
  dialog.showModal();
}
