// Keeps the work in this browser, so that a reload loses nothing: the photo as it was chosen, and the edits of its faces.
//
// Each tab has a record in IndexedDB under an id in its sessionStorage, which outlives a reload. A copy of a tab has the
// same id, but the tab that holds the id's lock keeps the record. Records are deleted an hour after the last change,
// by the next page if none was open then, and by "Delete my photos now".

import { pause, send } from "./api.js";

const [DATABASE, WORK, FILES, ID] = ["rbvae", "work", "files", "rbvae-tab"];
const KEPT_FOR = 3_600_000; // ms
const LARGEST = 60_000_000; // bytes of the files of one tab
const [PATIENCE, SHORT] = [1500, 300]; // ms to wait for the lock that the page before held: after a reload, and otherwise

export class Keeping {
  constructor(work, opening) {
    Object.assign(this, { work, opening, database: null, id: "", filed: "", state: null, queue: Promise.resolve() });
    work.on("opened settled face mode", () => this.database && this.note());
  }

  // Whether a reload would find the work as it is now.
  get holds() {
    return this.state === this.work.state();
  }

  // Opens the work of this tab from before a reload. Resolves to false if there is none, or it cannot be opened.
  async restore() {
    try {
      const isReload = Boolean(sessionStorage.getItem(ID));
      this.id = sessionStorage.getItem(ID) ?? name();
      const alone = await locked(this.id);
      if (!alone) await locked((this.id = name()));
      sessionStorage.setItem(ID, this.id);
      const database = await opened();
      await this.prune(database);
      const kept = isReload && alone ? await read(database, this.id) : null;
      const done = Boolean(kept) && (await this.open(kept));
      this.database = database;
      if (done) this.note();
      return done;
    } catch (error) {
      console.warn(`A reload would lose the work: ${error.message}`); // the page asks before
      return false;
    }
  }

  async open({ work: kept, files }) {
    const { work, opening } = this;
    for (const [name, blob] of files.pictures) work.keys.put(name, "", async () => (await send(work.kind, "open", blob)).json(), blob);
    work.donors = kept.donors;
    const done = await (files.photo ? opening.openFile(files.photo, kept) : opening.openExample(kept.example, null, kept));
    if (done) work.emit("mode", kept.mode);
    return done;
  }

  // Writes what has changed since the last time, after what is being written.
  note() {
    const { photo } = this.work;
    if (photo) this.queue = this.queue.then(() => this.write(photo)).catch((error) => this.fail(error));
  }

  async write(photo) {
    const { work, database, id } = this;
    if (work.photo !== photo || !this.database) return;
    const state = work.state();
    const until = Date.now() + KEPT_FOR;
    const pictures = work.keys.files(JSON.stringify(recorded(work)));
    const filed = [photo.key, ...pictures.map(([name]) => name)].join();
    const size = pictures.reduce((sum, [, { size }]) => sum + size, photo.file?.size ?? 0);
    if (size > LARGEST) throw new Error("these photos are too large to keep");
    const change = database.transaction([WORK, FILES], "readwrite");
    change.objectStore(WORK).put({ ...recorded(work), until }, id);
    if (filed !== this.filed) change.objectStore(FILES).put({ photo: photo.file ?? null, pictures, until }, id);
    await finished(change);
    Object.assign(this, { filed, state });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.drop(), KEPT_FOR);
  }

  async fail(error) {
    console.warn(`A reload would lose the work: ${error.message}`);
    await this.drop().catch(() => {});
  }

  // Deletes what this tab has kept.
  async drop() {
    Object.assign(this, { filed: "", state: null });
    if (!this.database) return;
    const change = this.database.transaction([WORK, FILES], "readwrite");
    for (const store of [WORK, FILES]) change.objectStore(store).delete(this.id);
    await finished(change);
  }

  // Deletes what all tabs have kept, and keeps nothing any more.
  async erase() {
    const database = this.database ?? (await opened());
    this.database = null;
    await this.queue;
    clearTimeout(this.timer);
    const change = database.transaction([WORK, FILES], "readwrite");
    for (const store of [WORK, FILES]) change.objectStore(store).clear();
    await finished(change);
  }

  async prune(database) {
    const change = database.transaction([WORK, FILES], "readwrite");
    for (const store of [WORK, FILES]) {
      const request = change.objectStore(store).openCursor();
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return;
        if (cursor.value.until < Date.now()) cursor.delete();
        cursor.continue();
      };
    }
    await finished(change);
  }
}

const name = () => [...crypto.getRandomValues(new Uint8Array(8))].map((n) => n.toString(16).padStart(2, "0")).join("");

// The work as plain data. Edits name other photos as work.keys does.
function recorded(work) {
  const { photo, at, mode, saved, past, future, donors } = work;
  const faces = photo.faces.map(({ index, eyes, edit, versions }) => ({ index, eyes, edit, versions }));
  const example = photo.example && { key: photo.key, label: photo.label };
  return { example, faces, at, mode, saved, past, future, donors, hash: location.hash };
}

async function read(database, id) {
  const change = database.transaction([WORK, FILES], "readonly");
  const [work, files] = [WORK, FILES].map((store) => change.objectStore(store).get(id));
  await finished(change);
  return work.result && files.result ? { work: work.result, files: files.result } : null;
}

const finished = (change) =>
  new Promise((done, failed) => {
    change.oncomplete = () => done();
    change.onabort = change.onerror = () => failed(change.error ?? new Error("the browser could not write"));
  });

const opened = () =>
  new Promise((done, failed) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => [WORK, FILES].forEach((store) => request.result.createObjectStore(store));
    request.onsuccess = () => done(request.result);
    request.onerror = request.onblocked = () => failed(request.error ?? new Error("the browser keeps no data"));
  });

// Takes the lock of an id until this page goes. Resolves to false if another tab keeps it. Without HTTPS there are no locks.
async function locked(id) {
  if (!navigator.locks) return true;
  const [arrival] = performance.getEntriesByType("navigation");
  const end = performance.now() + (arrival?.type === "navigate" ? SHORT : PATIENCE);
  const hold = (taken) => (lock) => {
    taken(Boolean(lock));
    return lock && new Promise(() => {});
  };
  const attempt = () => new Promise((taken) => navigator.locks.request(`rbvae ${id}`, { ifAvailable: true }, hold(taken)));
  while (!(await attempt())) {
    if (performance.now() > end) return false;
    await pause(50);
  }
  return true;
}
