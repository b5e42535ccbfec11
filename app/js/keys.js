// The pictures that this page has opened on the server, by names that stay when the server forgets a picture.
//
// The server keeps a picture for an hour. When it has forgotten one, it is opened again from the file in this browser.

import { Refused, send } from "./api.js";

export class Keys {
  constructor(kind) {
    this.kind = kind;
    this.known = new Map(); // name -> { key, reopen }
    this.count = 0;
  }

  // Notes a picture. `reopen` resolves to the record of the same picture, opened again. Returns its name.
  add(key, reopen = null) {
    const name = reopen ? `picture-${++this.count}` : key; // examples stay on the server
    this.known.set(name, { key, reopen });
    return name;
  }

  clear() {
    this.known.clear();
  }

  // Requests an action whose fields hold names of pictures, anywhere. Opens those again that the server has forgotten.
  async send(action, fields, signal) {
    const names = [];
    const withKeys = (value, field) => {
      if (Array.isArray(value)) return value.map((one) => withKeys(one, ""));
      if (value && typeof value === "object")
        return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withKeys(one, name)]));
      if (!["key", "donor", "teeth"].includes(field) || !this.known.has(value)) return value;
      names.push(value);
      return this.known.get(value).key;
    };
    try {
      return await send(this.kind, action, withKeys(fields, ""), signal);
    } catch (error) {
      const lost = error instanceof Refused && error.status === 410;
      if (!lost || !names.some((name) => this.known.get(name)?.reopen)) throw error;
      for (const name of new Set(names)) await this.renew(name);
      return send(this.kind, action, withKeys(fields, ""), signal);
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
