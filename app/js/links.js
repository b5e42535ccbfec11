// Opens the tab of a link such as #digits?green=1.5. Gradio may not render the content of a tab before that.

export function followLinks() {
  window.addEventListener("hashchange", open);
  const waiting = new MutationObserver(() => open() && waiting.disconnect()); // the tabs are rendered later
  waiting.observe(document.body, { childList: true, subtree: true });
  if (open()) waiting.disconnect();
}

// Opens the tab of the current link. Returns false if the tabs are not rendered yet.
function open() {
  const [name] = location.hash.slice(1).split("?");
  const tabs = [...document.querySelectorAll("button[role=tab]")];
  tabs.find((tab) => tab.textContent.trim().toLowerCase() === name)?.click();
  return !name || tabs.length > 0;
}
