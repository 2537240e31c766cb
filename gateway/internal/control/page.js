// Follows /api/events and rewrites the numbers in place. Without this script the
// page is complete; it only stands still.
(function () {
  "use strict";
  var before = null;
  function find(name) { return document.querySelector('[data-is="' + name + '"]'); }
  function element(tag, text, name) {
    var e = document.createElement(tag);
    if (text !== undefined) { e.textContent = text; }
    if (name) { e.className = name; }
    return e;
  }
  function cell(label, content, name) {
    var td = element("td", undefined, name);
    td.dataset.label = label;
    td.append(content);
    return td;
  }
  function key(route) { return (route.methods || []).join(",") + " " + route.path + " " + route.owner; }
  function rate(now, then, seconds) {
    if (then === undefined || seconds <= 0) { return "–"; }
    return Math.max(0, (now - then) / seconds).toFixed(1);
  }
  function row(cells) { var tr = element("tr"); tr.append.apply(tr, cells); return tr; }
  function routes(status, seen, seconds) {
    return status.routes.map(function (r) {
      return row([
        cell("Methods", r.methods ? r.methods.join(" ") : "any"),
        cell("Path", element("code", r.path)),
        cell("Owner", element("b", r.owner)),
        cell("Requests", r.requests, "n"),
        cell("per second", rate(r.requests, seen.routes[key(r)], seconds), "n"),
        cell("5xx", r.errors, "n"),
        cell("p50 ≤", r.p50_ms + " ms", "n"),
        cell("p99 ≤", r.p99_ms + " ms", "n")
      ]);
    });
  }
  function replica(owner, r, all, seen, seconds) {
    var name = element("span");
    name.append(element("b", r.name), " ", element("small", r.url));
    var cells = [
      cell("Replica", name),
      cell("State", element("span", r.healthy ? "well" : r.reason, r.healthy ? "well" : "ill")),
      cell("In flight", r.inflight, "n"),
      cell("Requests", r.requests, "n"),
      cell("per second", rate(r.requests, seen.replicas[owner.name + "/" + r.name], seconds), "n"),
      cell("Failures", r.failures, "n")
    ];
    if (owner.affinity) {
      var kept = element("span"), meter = element("meter");
      meter.max = 100;
      meter.value = all ? 100 * r.pinned / all : 0;
      kept.append(meter, " " + r.pinned);
      cells.push(cell("Users kept", kept, "n"));
    }
    return row(cells);
  }
  function ownerCard(owner, seen, seconds) {
    var card = element("article"), title = element("h3", owner.name + " "), table = element("table");
    var note = owner.balance + (owner.affinity ? ", affinity by " + owner.affinity + (owner.home ? ", home " + owner.home : "") : "");
    title.append(element("small", note));
    var head = element("tr"), names = ["Replica", "State", "In flight", "Requests", "per second", "Failures"];
    if (owner.affinity) { names.push("Users kept"); }
    names.forEach(function (n, i) { head.append(element("th", n, i > 1 ? "n" : "")); });
    table.append(element("thead"), element("tbody"));
    table.tHead.append(head);
    var all = owner.replicas.reduce(function (sum, r) { return sum + r.pinned; }, 0);
    owner.replicas.forEach(function (r) { table.tBodies[0].append(replica(owner, r, all, seen, seconds)); });
    if (!owner.replicas.length) { table.tBodies[0].append(row([cell("", element("span", "no replica known", "ill"))])); }
    card.append(title, table);
    return card;
  }
  function counts(status) {
    var c = { at: performance.now(), routes: {}, replicas: {} };
    status.routes.forEach(function (r) { c.routes[key(r)] = r.requests; });
    status.owners.forEach(function (o) { o.replicas.forEach(function (r) { c.replicas[o.name + "/" + r.name] = r.requests; }); });
    return c;
  }
  function show(status) {
    status.routes = status.routes || [];
    status.owners = status.owners || [];
    var now = counts(status), seen = before || { at: now.at, routes: {}, replicas: {} }, seconds = (now.at - seen.at) / 1000;
    find("revision").textContent = status.revision;
    find("source").textContent = status.source;
    find("draining").hidden = !status.draining;
    find("refused").hidden = !status.last_refused;
    if (status.last_refused) {
      find("reason").textContent = status.last_refused.reason + " (" + status.last_refused.source + ", " + new Date(status.last_refused.at).toLocaleTimeString() + ")";
    }
    find("routes").replaceChildren.apply(find("routes"), routes(status, seen, seconds));
    find("owners").replaceChildren.apply(find("owners"), status.owners.map(function (o) { return ownerCard(o, seen, seconds); }));
    before = now;
  }
  var events = new EventSource("/api/events");
  events.onmessage = function (e) { find("live").hidden = false; show(JSON.parse(e.data)); };
  events.onerror = function () { find("live").hidden = true; };
})();
