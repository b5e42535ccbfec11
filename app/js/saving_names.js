// Names of saved files.

const SUFFIX = { JPEG: "jpg", PNG: "png", WEBP: "webp" };

export const FORMATS = Object.keys(SUFFIX);

// The name of an edit: the photo's, with the ending of what it is saved as.
export const fileName = ({ name, suffix }, format = "") => `${stem(name)}-edited.${SUFFIX[format] ?? suffix ?? "jpg"}`;

export const stem = (name) => name.replace(/\.[^.]*$/, "") || "photo";

// A file name, without its ending, that is valid on every system.
export const safe = (name) => stem(name).replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 60) || "photo";
