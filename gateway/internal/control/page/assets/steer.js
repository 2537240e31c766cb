// Steering with the admin token, which is kept in this tab's session storage and
// sent as bearer with each change, nowhere else.

const place = "banyan-admin-token";

export function steer() {
  document.getElementById("steering").hidden = false;
  const form = document.getElementById("token");
  if (!form) return; // changes are off
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enter(form);
  });
  form.querySelector(".forget").addEventListener("click", () => {
    sessionStorage.removeItem(place);
    shown(form);
    tell("The token is forgotten.");
  });
  document.addEventListener("submit", (event) => {
    const action = actions[event.target.dataset.steer];
    if (!action) return;
    event.preventDefault();
    change(event.target, action);
  });
  shown(form);
}

// enter keeps a token that the gateway knows.
async function enter(form) {
  const field = form.elements.token;
  const answer = await send("GET", "/api/token", undefined, field.value).catch(unreachable);
  if (!answer.ok) {
    tell(await problem(answer), true);
    return;
  }
  sessionStorage.setItem(place, field.value);
  field.value = "";
  shown(form);
  tell("The token is good. What changes here changes this gateway only.");
}

function shown(form) {
  const has = sessionStorage.getItem(place) !== null;
  document.documentElement.classList.toggle("steering", has);
  for (const part of form.querySelectorAll(".has, .forget")) part.hidden = !has;
  form.querySelector("button:not(.forget)").hidden = has;
  for (const part of form.querySelectorAll("label, input")) part.hidden = has;
}

const actions = {
  canary: (form) => ["POST", `/api/routes/${encodeURIComponent(form.dataset.route)}/canary`, { percent: form.elements.percent.valueAsNumber }],
  hold: (form) => ["POST", "/api/holds", { routes: [form.dataset.route], for: `${form.elements.seconds.valueAsNumber}s` }],
  release: (form) => ["DELETE", `/api/holds/${encodeURIComponent(form.dataset.hold)}`],
};

const busy = new WeakSet(); // a disabled button would lose the focus

async function change(form, action) {
  if (busy.has(form)) return;
  busy.add(form);
  const kind = form.dataset.steer; // the next frame may make it another one
  const answer = await send(...action(form)).catch(unreachable);
  busy.delete(form);
  if (!answer.ok) {
    tell(await problem(answer), true);
    return;
  }
  const told = answer.status === 204 ? {} : await answer.json();
  form.reset();
  tell(told.note ?? done[kind](form.dataset.route));
}

const done = {
  hold: (route) => `${route} is held.`,
  release: (route) => `${route} is released.`,
};

function send(method, path, body, token = sessionStorage.getItem(place)) {
  const revision = document.getElementById("revision").textContent;
  const headers = { Authorization: `Bearer ${token}`, "If-Match": `"${revision}"` };
  if (body) headers["Content-Type"] = "application/json";
  return fetch(path, { method, headers, body: body && JSON.stringify(body) });
}

// unreachable stands for an answer where there is none.
function unreachable() {
  return new Response(JSON.stringify({ detail: "The gateway doesn't answer." }), { status: 503 });
}

async function problem(answer) {
  const told = await answer.json().catch(() => ({}));
  return told.detail ?? `The gateway answered ${answer.status}.`;
}

function tell(text, failed = false) {
  const line = document.getElementById("told");
  line.classList.toggle("failed", failed);
  line.textContent = text;
}
