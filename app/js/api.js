// Calls of the page's own routes, past Gradio's queue.

const PAGE = new URL("../", import.meta.url);
const TRIES = 3; // where the server is busy, or a connection breaks

// Whoever knows both this and a picture's key has the picture. Made anew whenever the page is loaded.
const VISITOR = [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");

export class Refused extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

export async function send(kind, action, body, signal) {
  const raw = body instanceof Blob;
  const request = {
    method: "POST",
    body: raw ? body : JSON.stringify(body),
    headers: { "Content-Type": raw ? "application/octet-stream" : "application/json", Visitor: VISITOR },
    signal,
  };
  let response;
  for (let tries = TRIES; tries > 0; tries--) {
    try {
      response = await fetch(new URL(`${kind}/${action}`, PAGE), request);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (tries === 1) throw new Refused("The app can't be reached; check that it is running and try again", 0);
      await new Promise((later) => setTimeout(later, 300)); // a connection may break
      continue;
    }
    if (response.status !== 503 || tries === 1) break; // busy: it says after how many seconds to come again
    await new Promise((later) => setTimeout(later, 1000 * (response.headers.get("Retry-After") ?? 2)));
  }
  if (response.ok) return response;
  let words = "Something went wrong here, which is a bug; try again";
  try {
    words = (await response.json()).error;
  } catch {
    // an answer without words
  }
  throw new Refused(words, response.status);
}

// Puts a picture away; nobody waits for it.
export const forget = (kind, key) => send(kind, "forget", { key }).catch(() => {});

// Puts everything of this visitor away, even while the page closes.
export const leave = () => navigator.sendBeacon(new URL("leave", PAGE), VISITOR);

// The same, and how many pictures they were.
export const deleteAll = async () =>
  (await (await fetch(new URL("leave", PAGE), { method: "POST", headers: { Visitor: VISITOR } })).json()).deleted;

// Runs one job at a time and, of the values that come meanwhile, only the newest: the last one is never lost.
export function newest(run) {
  let running = false;
  let waiting = null;
  return async (...values) => {
    waiting = values;
    if (running) return;
    running = true;
    while (waiting) {
      const next = waiting;
      waiting = null;
      try {
        await run(...next);
      } catch (error) {
        console.warn(error.message);
      }
    }
    running = false;
  };
}
