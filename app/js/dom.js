// DOM helpers: elements from markup, busy signs, and file downloads.

export const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export function element(markup) {
  const template = document.createElement("template");
  template.innerHTML = markup.trim();
  return template.content.firstElementChild;
}

export const sentence = (text) => {
  const words = String(text).replace(/;/g, ".").replace(/\. ([a-z])/g, (_, letter) => `. ${letter.toUpperCase()}`);
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
  const note = element(`<span class="busy" role="status"><progress aria-label="${escaped(words)}"></progress> ${escaped(words)}</span>`);
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

export const chooser = (label, { accept = "image/*,.heic,.heif,.hif,.avif,.mpo", multiple = false, name = "", look = "button" } = {}) =>
  element(`<label class="${look}"><span>${escaped(label)}</span><input type="file" name="${name}" accept="${accept}"
    ${multiple ? "multiple" : ""} aria-label="${escaped(label)}"></label>`);

// Calls `taken` with the files of a chooser, and empties it, so that the same file can be chosen again.
export function onFiles(place, taken) {
  place.querySelector("input[type=file]").addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    if (files.length) taken(files);
  });
}

export const isPicture = (file) => file.type.startsWith("image/") || /\.(heic|heif|hif|avif|mpo|jfif|jpe)$/i.test(file.name ?? "");

// Makes a row of buttons with aria-pressed or aria-selected one tab stop: arrow keys move, and click.
export function roving(place, selector = "button", click = true) {
  const step = (key, inRow) => ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -inRow, ArrowDown: inRow })[key];
  const buttons = () => [...place.querySelectorAll(selector)].filter((one) => one.offsetParent);
  const settle = () => {
    const all = [...place.querySelectorAll(selector)];
    const chosen = all.find((one) => one.getAttribute("aria-pressed") === "true" || one.getAttribute("aria-selected") === "true") ?? all[0];
    all.forEach((one) => (one.tabIndex = one === chosen ? 0 : -1));
  };
  place.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(event.target.closest(selector));
    const by = step(event.key, all.filter(({ offsetTop }) => offsetTop === all[0]?.offsetTop).length);
    if (at < 0 || !by) return;
    event.preventDefault();
    const next = all[(at + by + all.length) % all.length];
    all.forEach((one) => (one.tabIndex = one === next ? 0 : -1));
    next.focus();
    if (click) next.click();
  });
  settle();
  return settle;
}

const ICONS = {
  undo: '<path d="M9 7 4 12l5 5M4 12h10a6 6 0 0 1 6 6"/>',
  redo: '<path d="m15 7 5 5-5 5M20 12H10a6 6 0 0 0-6 6"/>',
  compare: '<path d="M12 3v18M8 7H4v10h4M16 7h4v10h-4"/>',
  menu: '<path d="M4 7h16M4 12h16M4 17h16"/>',
  more: '<path d="m7 10 5 5 5-5"/>',
  open: '<path d="M4 19V6h5l2 2h9v11zM12 17v-6m-3 3 3-3 3 3"/>',
  dice: '<rect x="4" y="4" width="16" height="16" rx="4"/><path d="M9 9h.01M15 15h.01M15 9h.01M9 15h.01M12 12h.01" stroke-width="2.6"/>',
  camera: '<path d="M4 8h4l2-2h4l2 2h4v11H4z"/><circle cx="12" cy="13" r="3.4"/>',
  plus: '<path d="M12 5v14M5 12h14"/>',
  note: '<path d="M12 4 21 20H3zM12 10v5M12 17.5v.5"/>',
  close: '<path d="m6 6 12 12M18 6 6 18"/>',
  arrows: '<path d="m9 8-4 4 4 4M15 8l4 4-4 4"/>',
};

export const icon = (name) =>
  `<svg viewBox="0 0 24 24" width="22" height="22" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${ICONS[name]}</svg>`;
