// Calls of the page's own routes, past Gradio's queue.

const PAGE = new URL("../", import.meta.url);

export class Refused extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

export async function send(kind, action, body, signal) {
  const raw = body instanceof Blob;
  let response;
  try {
    response = await fetch(new URL(`${kind}/${action}`, PAGE), {
      method: "POST",
      body: raw ? body : JSON.stringify(body),
      headers: { "Content-Type": raw ? "application/octet-stream" : "application/json" },
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The app can't be reached; check that it is running and try again", 0);
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

// Puts a picture away, even while the page closes.
export const forget = (kind, key) =>
  navigator.sendBeacon(new URL(`${kind}/forget`, PAGE), new Blob([JSON.stringify({ key })], { type: "text/plain" }));

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
