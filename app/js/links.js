// A link such as #digits?green=1.5 opens the tab it is about; until then what is in the tab may not be on the page.

export function followLinks() {
  window.addEventListener("hashchange", open);
  const waiting = new MutationObserver(() => open() && waiting.disconnect()); // the tabs come later than this
  waiting.observe(document.body, { childList: true, subtree: true });
  if (open()) waiting.disconnect();
}

// Whether the tab that the link is about was there, or the tabs are and none is called so.
function open() {
  const [name] = location.hash.slice(1).split("?");
  const tabs = [...document.querySelectorAll("button[role=tab]")];
  tabs.find((tab) => tab.textContent.trim().toLowerCase() === name)?.click();
  return !name || tabs.length > 0;
}
