// An edit as plain data, from which the server (app/server/edit_record.py) and the browser make the same picture.
//
// It starts from the picture's own expression, or from a `tile`, a `seed`, or the `e` of another picture (`donor`),
// each with an `amount`; then come `named` directions in sigmas, a `gesture`, and the `parts` that may change.
// `mode` is the panel that made it, `label` what it is called among the versions; neither changes the picture.

const STARTS = ["tile", "seed", "e", "donor"];
const FIELDS = [...STARTS, "amount", "teeth", "named", "gesture", "parts"];

export const blank = () => ({
  tile: null, seed: null, e: null, donor: null, amount: 1, teeth: null, named: {}, gesture: {}, parts: null,
  mode: "expressions", label: null,
});

// Returns what is sent to the server: only what differs from a blank record.
export function plain(edit) {
  const sent = {};
  for (const name of FIELDS) {
    const value = edit[name];
    const empty = value === null || value === undefined || (typeof value === "object" && !Object.keys(value).length);
    if (!empty && !(name === "amount" && value === 1)) sent[name] = value;
  }
  for (const name of ["named", "gesture"]) {
    if (sent[name]) sent[name] = Object.fromEntries(Object.entries(sent[name]).filter(([, value]) => value !== 0));
    if (sent[name] && !Object.keys(sent[name]).length) delete sent[name];
  }
  if (!hasStart(edit)) delete sent.amount;
  return sent;
}

export const hasStart = (edit) => STARTS.some((name) => edit[name] !== null && edit[name] !== undefined);

export const isStill = (edit) => {
  const { amount, parts, teeth, ...rest } = plain(edit);
  return Object.keys(rest).length === 0 || (amount === 0 && !rest.named && !rest.gesture);
};

export const same = (a, b) => JSON.stringify(plain(a)) === JSON.stringify(plain(b));

// A record with another start; sliders return to the middle, because a start says what the whole face looks like.
export const startedFrom = (edit, start) => ({ ...blank(), ...start, teeth: start.teeth ?? edit.teeth });

// Returns the e of an edit without its named directions, how far the lips close (0..1; null: as usual), and its gesture
// with how much wider a tile opens the eyes. `target` is the e at amount 1 of a seed or another picture, as the server's
// "latents" gives it; tiles need none.
export function latent(face, edit, setup, target = null) {
  const { e: own, neutral } = face;
  const tile = setup.tiles.find(({ name }) => name === edit.tile);
  const end = tile ? ofTile(tile, own, neutral, setup) : (target ?? own);
  const e = own.map((value, i) => value + edit.amount * (end[i] - value));
  const opened = Math.max(0, edit.named["mouth open"] ?? 0, edit.named["jaw open"] ?? 0);
  const share = Math.min(1, edit.amount);
  const wide = tile?.wide && (edit.parts ?? ["eyes"]).includes("eyes") ? tile.wide * share : 0;
  const closed = wide ? { "close eyes": Math.max(-1, (edit.gesture["close eyes"] ?? 0) - wide) } : {};
  return { e, closing: tile ? tile.closed * share * Math.max(0, 1 - opened) : null, gesture: { ...edit.gesture, ...closed } };
}

// The e of a tile for a face: as Tile.e_of of app/server/tiles.py.
function ofTile({ named, closed }, own, neutral, setup) {
  const end = moved(neutral, named, setup);
  const directions = setup.directions.filter(({ name }) => named[name]);
  if (closed || directions.length !== 1) return end;
  const further = directions[0].step.reduce((sum, value, i) => sum + value * (own[i] - end[i]), 0);
  return further > 0 ? moved(own, { [directions[0].name]: setup.more }, setup) : end;
}

export function moved(e, named, setup) {
  const result = [...e];
  for (const { name, step } of setup.directions) {
    if (named[name]) step.forEach((value, i) => (result[i] += named[name] * value));
  }
  return result;
}

// What links and presets hold: numbers and names only, never a photo. Keys of pictures stay here.
export function portable(edit) {
  const { donor, teeth, ...rest } = plain(edit);
  if (rest.e) rest.e = rest.e.map((value) => Math.round(value * 1000) / 1000);
  return rest;
}

export function toLink(kind, edit) {
  const { named = {}, gesture = {}, ...rest } = portable(edit);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...rest, ...named, ...gesture })) query.set(name, String(value));
  return `#${kind}?${query}`;
}

// Parses a link or a preset in JSON. Throws an Error with words for what it cannot be.
export function fromLink(hash, setup) {
  const [kind, query] = hash.replace(/^#/, "").split("?");
  if (kind !== setup.kind || !query) return null;
  return fromPreset(Object.fromEntries(new URLSearchParams(query)), setup);
}

export function fromPreset(given, setup) {
  if (!given || typeof given !== "object" || Array.isArray(given)) throw new Error('Write it like {"smile": 1.5}.');
  const edit = blank();
  const list = (value) => (Array.isArray(value) ? value : String(value).split(","));
  const { named = {}, gesture = {}, ...rest } = given;
  for (const [name, value] of Object.entries({ ...rest, ...named, ...gesture })) {
    if (name === "tile") edit.tile = String(value);
    else if (name === "parts") edit.parts = list(value);
    else if (name === "e") edit.e = list(value).map(number("e"));
    else if (name === "amount" || name === "seed") edit[name] = number(name)(value);
    else if (setup.directions.some((one) => one.name === name)) edit.named[name] = number(name)(value);
    else if (setup.gestures.some((one) => one.name === name)) edit.gesture[name] = number(name)(value);
    else throw new Error(`There is no "${name}" here.`);
  }
  if (edit.tile !== null && !setup.tiles.some(({ name }) => name === edit.tile)) throw new Error(`There is no "${edit.tile}" here.`);
  return edit;
}

const number = (name) => (value) => {
  if (value === "" || !Number.isFinite(Number(value))) throw new Error(`"${name}" needs a number.`);
  return Number(value);
};
