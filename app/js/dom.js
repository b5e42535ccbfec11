// Small helpers: elements from markup, words for the visitor, files to save.

export const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export function element(markup) {
  const template = document.createElement("template");
  template.innerHTML = markup.trim();
  return template.content.firstElementChild;
}

export const sentence = (text) => {
  const words = String(text);
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");
};

// Shows a picture only once it is decoded, so that nothing flickers; resolves when it is in place.
export async function show(image, source) {
  const next = new Image();
  next.src = source;
  await next.decode();
  image.src = source;
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// Runs a slow job with its buttons disabled and a word about it; anything over a moment shows that it is running. The
// job may tell what share of it is done.
export async function busy(place, words, job) {
  const note = element(`<span class="busy" role="status"><progress></progress> ${escaped(words)}</span>`);
  const timer = setTimeout(() => place.append(note), 200);
  const buttons = [...place.querySelectorAll("button.slow")];
  buttons.forEach((button) => (button.disabled = true));
  try {
    return await job((share) => (note.querySelector("progress").value = share));
  } finally {
    clearTimeout(timer);
    note.remove();
    buttons.forEach((button) => (button.disabled = false));
  }
}

export const chooser = (label, { accept = "image/*", multiple = false, name = "" } = {}) =>
  element(`<label class="button">${escaped(label)}<input type="file" name="${name}" accept="${accept}"
    ${multiple ? "multiple" : ""} aria-label="${escaped(label)}"></label>`);

// Lets arrow keys walk over the buttons of a place, which are as many to a row as are seen there, and press them.
export function walk(place) {
  const steps = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: (row) => -row, ArrowDown: (row) => row };
  place.addEventListener("keydown", (event) => {
    const buttons = [...place.querySelectorAll("button")];
    const at = buttons.indexOf(event.target.closest("button"));
    const step = steps[event.key]?.(buttons.filter(({ offsetTop }) => offsetTop === buttons[0].offsetTop).length);
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
  });
}
