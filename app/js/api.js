// Requests to the routes of app/server/routes.py, which bypass Gradio's queue.

const PAGE = new URL("../", import.meta.url);
const TRIES = 3; // attempts if the server is busy or the connection breaks
const PING = 2000; // ms between attempts to reach the app again
const BUG = "Something went wrong here, which is a bug. Try again.";

// The visitor ID. Together with an image's key, it grants access to the image. New on every page load.
export const VISITOR = [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");

// Says "offline" when the app cannot be reached, and "online" when it can again.
export const connection = new EventTarget();
let offline = false;

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
      if (tries === 1) throw lost();
      await pause(300); // retry after a network error
      continue;
    }
    if (response.status !== 503 || tries === 1) break; // busy: retry after the number of seconds in Retry-After
    await pause(1000 * (response.headers.get("Retry-After") ?? 2));
  }
  if (response.ok) return response;
  const words = await response.json().then(({ error }) => error, () => BUG);
  throw new Refused(words, response.status);
}

export const pause = (ms) => new Promise((later) => setTimeout(later, ms));

function lost() {
  if (!offline) {
    offline = true;
    connection.dispatchEvent(new Event("offline"));
    wait();
  }
  return new Refused("The app can't be reached. Your work is kept here; it goes on when the connection is back.", 0);
}

async function wait() {
  while (offline) {
    await pause(PING);
    const answer = await fetch(new URL("../robots.txt", PAGE), { cache: "no-store" }).catch(() => null);
    offline = !answer;
  }
  connection.dispatchEvent(new Event("online"));
}

// Deletes an image on the server, without waiting or reporting errors.
export const forget = (kind, key) => send(kind, "forget", { key }).catch(() => {});

// Deletes all images of this visitor. Also works while the page closes.
export const leave = () => navigator.sendBeacon(new URL("leave", PAGE), VISITOR);

// The same for any visitor. Resolves to the number of deleted photos.
export async function deleteAll(visitor = VISITOR) {
  try {
    const answer = await fetch(new URL("leave", PAGE), { method: "POST", headers: { Visitor: visitor } });
    return (await answer.json()).deleted;
  } catch {
    throw lost();
  }
}

// Wraps an async function so that one call runs at a time. Of the calls made meanwhile, only the newest runs after it.
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
