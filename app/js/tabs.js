// The tabs of this page in this browser: deleting the photos of one deletes those of all.

import { VISITOR } from "./api.js";

const [VISITORS, DELETED] = ["rbvae-visitors", "rbvae-deleted"];
const DAY = 86_400_000; // ms; by then the server has forgotten what a tab that crashed had opened

const channel = "BroadcastChannel" in window ? new BroadcastChannel("rbvae") : null;

// Tells the other tabs about this one, until it is closed. `start` starts this tab again.
export function joinTabs(start) {
  const enter = () => change((known) => (known[VISITOR] = Date.now()));
  enter();
  window.addEventListener("pageshow", enter);
  window.addEventListener("pagehide", () => change((known) => delete known[VISITOR]));
  channel?.addEventListener("message", () => {
    emptyTab();
    sessionStorage.setItem(DELETED, "yes");
    start();
  });
}

// The visitor IDs of the other tabs.
export const others = () => Object.keys(read()).filter((one) => one !== VISITOR);

// Empties what only this tab keeps.
export function emptyTab() {
  try {
    sessionStorage.clear();
  } catch {
    // it keeps nothing
  }
}

export const tellOthers = () => channel?.postMessage("deleted");

// Whether this tab starts again because its photos were deleted in another one.
export function wasDeleted() {
  try {
    const deleted = sessionStorage.getItem(DELETED) !== null;
    sessionStorage.removeItem(DELETED);
    return deleted;
  } catch {
    return false;
  }
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(VISITORS)) ?? {};
  } catch {
    return {}; // no storage here
  }
}

function change(how) {
  const known = Object.fromEntries(Object.entries(read()).filter(([, since]) => since > Date.now() - DAY));
  how(known);
  try {
    localStorage.setItem(VISITORS, JSON.stringify(known));
  } catch {
    // without storage, each tab deletes its own photos
  }
}
