// The rooms of the page (faces, digits, for programs, about), which are Gradio's tabs, and the menu between them.

import { element, escaped, icon } from "./dom.js";

const ROOMS = { faces: "Faces", digits: "Digits", programs: "For programs", about: "About" };

export function addMenu(bar, here, actions = []) {
  const menu = element(`<div class="menu"><button type="button" class="quiet name" aria-haspopup="menu" aria-expanded="false">
    ${icon("menu")}<b>rbvae</b></button><div class="sheet" role="menu" hidden></div></div>`);
  const [button, sheet] = [menu.querySelector("button"), menu.querySelector(".sheet")];
  const close = (focus) => {
    if (sheet.hidden) return;
    sheet.hidden = true;
    button.setAttribute("aria-expanded", "false");
    if (focus) button.focus();
  };
  const item = (label, act, current = false) => {
    const one = element(`<button type="button" role="menuitem" tabindex="-1" ${current ? 'aria-current="page"' : ""}>${escaped(label)}</button>`);
    one.addEventListener("click", () => {
      close(true);
      act();
    });
    return one;
  };
  for (const [name, label] of Object.entries(ROOMS)) sheet.append(item(label, () => go(name), name === here));
  if (actions.length) sheet.append(element(`<hr>`));
  for (const [label, act] of actions) sheet.append(item(label, act));
  button.addEventListener("click", () => {
    sheet.hidden = !sheet.hidden;
    button.setAttribute("aria-expanded", String(!sheet.hidden));
    if (!sheet.hidden) sheet.querySelector("button").focus();
  });
  menu.addEventListener("keydown", (event) => {
    const items = [...sheet.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape") close(true);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      items[(at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length].focus();
    }
  });
  menu.addEventListener("focusout", (event) => menu.contains(event.relatedTarget) || close(false));
  bar.append(menu);
}

export function go(name) {
  const tabs = [...document.querySelectorAll("button[role=tab]")];
  tabs.find((tab) => tab.textContent.trim() === ROOMS[name])?.click();
  if (location.hash.slice(1).split("?")[0] !== name) history.replaceState(null, "", name === "faces" ? location.pathname : `#${name}`);
  document.body.dataset.room = name;
  document.dispatchEvent(new Event("room"));
}

// Builds a room when it is first visited. The page opens in the room of its address, or else of the faces.
export function whenVisited(name, build) {
  const [linked] = location.hash.slice(1).split("?");
  document.body.dataset.room ??= ROOMS[linked] ? linked : "faces";
  const built = () => {
    if (document.body.dataset.room !== name) return;
    document.removeEventListener("room", built);
    build();
  };
  document.addEventListener("room", built);
  built();
}

// Opens the room of a link such as #digits?green=1.5. Gradio renders the tabs after the page has loaded.
export function followLinks() {
  const follow = () => {
    const [name] = location.hash.slice(1).split("?");
    const ready = document.querySelectorAll("button[role=tab]").length >= Object.keys(ROOMS).length;
    const open = document.querySelector("button[role=tab][aria-selected=true]")?.textContent.trim();
    if (ready && ROOMS[name] && open !== ROOMS[name]) {
      const hash = location.hash;
      go(name);
      history.replaceState(null, "", hash);
    }
    return ready;
  };
  window.addEventListener("hashchange", follow);
  const waiting = new MutationObserver(() => follow() && waiting.disconnect());
  waiting.observe(document.body, { childList: true, subtree: true });
  if (follow()) waiting.disconnect();
}
