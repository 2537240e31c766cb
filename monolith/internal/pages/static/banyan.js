// Small comforts. Every page works without this file.
"use strict";

// The number of unread notifications, live. The stream is open only while the page
// is seen: a browser keeps few connections to one host, and hidden tabs would take
// them all.
(() => {
  const bell = document.querySelector(".bell");
  if (!bell || !window.EventSource) return;
  const badge = bell.querySelector(".badge");
  let stream = null, unread = Number(bell.dataset.unread);

  const show = (n) => {
    unread = n;
    badge.firstChild.data = String(n);
    badge.hidden = n === 0;
  };
  const open = () => {
    stream = new EventSource("/api/v1/notifications/stream");
    stream.addEventListener("notification", () => show(unread + 1));
  };
  const catchUp = async () => {
    const answer = await fetch("/api/v1/notifications?limit=1", { headers: { Accept: "application/json" } });
    if (answer.ok) show((await answer.json()).unread);
  };
  const follow = () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      open();
      catchUp().catch(() => {});
    }
  };
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", () => { stream?.close(); stream = null; });
  addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
  if (!document.hidden) open();
})();

// A click elsewhere, or Escape, closes the menu.
(() => {
  const menu = document.querySelector(".menu");
  if (!menu) return;
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
})();

// Hovering over a time tells it in the reader's own zone.
for (const time of document.querySelectorAll("time[datetime]")) {
  time.title = new Date(time.dateTime).toLocaleString();
}

// Ctrl or Cmd with Enter sends the form one is writing in.
document.addEventListener("keydown", (event) => {
  const form = event.target.form;
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.target.tagName !== "TEXTAREA") return;
  form.requestSubmit(form.querySelector("button"));
});

// Leaving a page with unsaved writing asks first.
(() => {
  const form = document.querySelector(".writing form.sheet");
  if (!form) return;
  let touched = false;
  form.addEventListener("input", () => { touched = true; });
  form.addEventListener("submit", () => { touched = false; });
  addEventListener("beforeunload", (event) => { if (touched) event.preventDefault(); });
})();
