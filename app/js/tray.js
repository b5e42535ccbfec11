// The images to copy an expression or style from: examples, synthetic faces, and uploads. Shared by donors and grid.

import { send } from "./api.js";
import { busy } from "./dom.js";

export class Tray extends EventTarget {
  constructor(bench) {
    super();
    this.bench = bench;
    this.items = [...bench.setup.donors]; // { key, picture, label }
  }

  async add(files, place) {
    await busy(place, files.length > 1 ? `Reading ${files.length} pictures…` : "Reading the picture…", async () => {
      for (const file of files) {
        await this.bench.attempt(async () => {
          const record = await (await send(this.bench.kind, "open", file)).json();
          if (!record.original) return this.bench.tell(`No face was found in ${file.name}; use a frontal photo`);
          this.items.unshift({ key: record.key, picture: record.original, label: file.name });
          return this.dispatchEvent(new CustomEvent("added", { detail: this.items[0] }));
        });
      }
    });
  }

  on(name, heard) {
    this.addEventListener(name, (event) => heard(event.detail));
  }
}
