// DOM helpers: elements from markup, messages, and file downloads.

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

// Sets the source of an image after decoding it, to avoid flicker. Resolves when it is set.
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

// Runs a slow job with the slow buttons of `place` disabled. After 200 ms, shows a progress bar with a message. The job
// gets a function to report its progress, from 0 to 1.
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

// Lets the arrow keys move between the buttons of `place`, laid out in rows, and click them.
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
