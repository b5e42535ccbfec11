// The pictures that this page has opened on the server, by names that stay when the server forgets a picture.
//
// The server keeps a picture for an hour. When it has forgotten one, it is opened again from the file in this browser.

import { Refused, send } from "./api.js";

const FIELDS = ["key", "donor", "teeth"]; // that hold names of pictures

export class Keys {
  constructor(kind) {
    this.kind = kind;
    this.known = new Map(); // name -> { key, reopen, file }
  }

  // Notes a picture. `reopen` resolves to the record of the same picture, opened again; `file` is the picture itself,
  // if other photos borrow from it. Returns its name.
  add(key, reopen = null, file = null) {
    const name = reopen ? `picture-${random()}` : key; // examples stay on the server
    this.put(name, key, reopen, file);
    return name;
  }

  // Notes a picture under a name of old. Without a key it is opened when it is first needed.
  put(name, key, reopen, file) {
    this.known.set(name, { key, reopen, file });
  }

  clear() {
    this.known.clear();
  }

  // The files of the pictures that a text names, as [name, file].
  files(text) {
    return [...this.known].filter(([name, { file }]) => file && text.includes(name)).map(([name, { file }]) => [name, file]);
  }

  // Requests an action whose fields hold names of pictures, anywhere. Opens those again that the server has forgotten.
  // With a `body`, the fields go into the address.
  async send(action, fields, signal, body = null) {
    const names = new Set();
    const withKeys = (value, field) => {
      if (Array.isArray(value)) return value.map((one) => withKeys(one, ""));
      if (value && typeof value === "object")
        return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withKeys(one, name)]));
      if (!FIELDS.includes(field) || !this.known.has(value)) return value;
      names.add(value);
      return this.known.get(value).key;
    };
    const sent = () => {
      const given = withKeys(fields, "");
      const query = body ? `?${new URLSearchParams({ fields: JSON.stringify(given) })}` : "";
      return send(this.kind, action + query, body ?? given, signal);
    };
    withKeys(fields, "");
    for (const name of names) if (!this.known.get(name).key) await this.renew(name);
    try {
      return await sent();
    } catch (error) {
      const lost = error instanceof Refused && error.status === 410;
      if (!lost || ![...names].some((name) => this.known.get(name).reopen)) throw error;
      for (const name of names) await this.renew(name);
      return sent();
    }
  }

  async ask(action, fields, signal) {
    return (await this.send(action, fields, signal)).json();
  }

  async renew(name) {
    const picture = this.known.get(name);
    if (picture?.reopen) picture.key = (await picture.reopen()).key;
  }
}

const random = () => [...crypto.getRandomValues(new Uint8Array(6))].map((n) => n.toString(16).padStart(2, "0")).join("");
