// Opens a route's differences in place, read when they are asked for.

export function openInPlace() {
  document.addEventListener("toggle", (event) => {
    const place = event.target.open && event.target.querySelector("[data-load]");
    if (place) load(place);
  }, true); // toggle doesn't bubble
}

async function load(place) {
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(place.dataset.load + "?part=1");
    if (!answer.ok) throw new Error(`the gateway answered ${answer.status}`);
    const fresh = document.createElement("template");
    fresh.innerHTML = await answer.text();
    place.replaceChildren(fresh.content);
  } catch (failure) {
    place.textContent = `The differences can't be read: ${failure.message}. Close and open again.`;
  }
  place.removeAttribute("aria-busy");
}
