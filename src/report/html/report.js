"use strict";
(() => {
  const find = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);
  const changes = find("details.change");
  const search = byId("search");

  // A diff is plain text until it is first looked at: then its lines get their colours, in the layout of that moment.
  const KINDS = { " ": "same", "+": "add", "-": "del", "@": "at" };
  const texts = new WeakMap();
  const drawn = new WeakMap();
  const element = (kind, text) => {
    const made = document.createElement("div");
    made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const line = ([kind, text]) => element(`line ${kind}`, text);
  const one = (lines) => lines.map(line);
  const two = (lines) => {
    const rows = [];
    let gone = [];
    let come = [];
    const cell = (it) => (it ? line(it) : element("empty"));
    const row = (left, right) => {
      const pair = element("pair");
      pair.append(cell(left), cell(right));
      rows.push(pair);
    };
    const flush = () => {
      for (let at = 0; at < Math.max(gone.length, come.length); at += 1) row(gone[at], come[at]);
      gone = [];
      come = [];
    };
    for (const it of lines) {
      if (it[0] === "del") gone.push(it);
      else if (it[0] === "add") come.push(it);
      else {
        flush();
        if (it[0] === "at") rows.push(line(it));
        else row(it, it);
      }
    }
    flush();
    return rows;
  };
  const show = (change) => {
    const diff = change.open && change.querySelector(".diff");
    if (!diff) return;
    const side = document.body.classList.contains("split");
    if (drawn.get(diff) === side) return;
    if (!texts.has(diff)) texts.set(diff, diff.textContent);
    const lines = texts.get(diff).split("\n").map((it) => [KINDS[it[0]], it.slice(it[0] === "@" ? 3 : 1)]);
    const rows = side ? two(lines) : one(lines);
    const parts = [];
    // What is out of sight of a long one is not laid out.
    for (let at = 0; at < rows.length; at += 300) {
      const part = element("part");
      part.append(...rows.slice(at, at + 300));
      parts.push(part);
    }
    diff.replaceChildren(...parts);
    drawn.set(diff, side);
  };
  const layout = () => {
    const side = document.body.classList.toggle("split");
    document.body.classList.toggle("unified", !side);
    byId("layout").setAttribute("aria-pressed", String(side));
    changes.forEach(show);
  };
  const all = (open) => changes.forEach((change) => { change.open = open; });
  const theme = () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  };
  // What each object says, read before its lines are drawn.
  const said = new WeakMap();
  const says = (it) => {
    if (!said.has(it)) said.set(it, it.textContent.toLowerCase());
    return said.get(it);
  };
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    const holds = (it) => !wanted || says(it).includes(wanted);
    let shown = 0;
    for (const unit of find("details.unit")) {
      const named = holds(unit.querySelector("summary"));
      let some = false;
      for (const change of find("details.change", unit)) {
        const found = named || holds(change);
        change.hidden = !found;
        if (found) { some = true; shown += 1; }
      }
      unit.hidden = !some;
      if (wanted && some) unit.open = true;
    }
    let others = 0;
    for (const item of find(".finding, tr.operation")) {
      item.hidden = !holds(item);
      if (!item.hidden) others += 1;
    }
    byId("count").textContent = wanted ? `${shown} of ${changes.length} objects` : `${changes.length} objects`;
    byId("nothing").hidden = shown + others > 0 || !wanted;
  };
  changes.forEach(says);

  changes.forEach((change) => change.addEventListener("toggle", () => show(change)));
  byId("layout").addEventListener("click", layout);
  byId("open").addEventListener("click", () => all(true));
  byId("close").addEventListener("click", () => all(false));
  byId("theme").addEventListener("click", theme);
  search.addEventListener("input", filter);

  // j and k walk from object to object, Enter opens the one in focus.
  const step = (by) => {
    const visible = changes.filter((change) => change.offsetParent !== null).map((change) => change.querySelector("summary"));
    if (!visible.length) return;
    // From within an object's lines, its own place counts.
    const inside = document.activeElement && document.activeElement.closest("details.change");
    const at = inside ? visible.indexOf(inside.querySelector("summary")) : -1;
    const next = at < 0 ? (by > 0 ? 0 : visible.length - 1) : Math.min(Math.max(at + by, 0), visible.length - 1);
    visible[next].focus();
  };
  const keys = { s: layout, o: () => all(true), c: () => all(false), t: theme, j: () => step(1), k: () => step(-1) };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Escape") { search.value = ""; filter(); search.blur(); }
      return;
    }
    if (event.key === "/") { event.preventDefault(); search.focus(); return; }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // A link to one object opens it.
  const open = () => {
    const change = location.hash && byId(location.hash.slice(1));
    if (change && change.matches("details.change")) { change.open = true; change.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
  if (changes.length <= 20) all(true);
})();
