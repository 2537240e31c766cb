// Follows the gateway's events: each brings the sections that have changed.
import { patch } from "./patch.js";

export function follow() {
  const build = document.documentElement.dataset.build;
  const events = new EventSource("/_strangler/events");
  events.addEventListener("message", (event) => {
    const frame = JSON.parse(event.data);
    if (frame.build !== build) {
      location.reload(); // another binary answers now: its sections are not ours
      return;
    }
    say("live", false);
    for (const { id, html } of frame.sections) patch(document.getElementById(id), html);
  });
  events.addEventListener("error", () => say("not live: the gateway doesn't answer", true));
  addEventListener("pagehide", () => events.close());
}

function say(text, lost) {
  const tag = document.getElementById("live");
  tag.hidden = false;
  tag.classList.toggle("lost", lost);
  if (tag.textContent !== text) tag.textContent = text;
}
