"use strict";
(() => {
  const find = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);
  const changes = find("details.change");
  const search = byId("search");

  // A diff is made side by side when it is first looked at: large reports stay quick.
  const unified = new WeakMap();
  const split = (diff) => {
    if (unified.has(diff)) return;
    const lines = Array.from(diff.children);
    unified.set(diff, lines);
    const rows = [];
    let gone = [];
    let come = [];
    const cell = (line) => {
      if (line) return line.cloneNode(true);
      const empty = document.createElement("div");
      empty.className = "empty";
      return empty;
    };
    const row = (left, right) => {
      const pair = document.createElement("div");
      pair.className = "pair";
      pair.append(cell(left), cell(right));
      rows.push(pair);
    };
    const flush = () => {
      for (let at = 0; at < Math.max(gone.length, come.length); at += 1) row(gone[at], come[at]);
      gone = [];
      come = [];
    };
    for (const line of lines) {
      if (line.className === "del") gone.push(line);
      else if (line.className === "add") come.push(line);
      else {
        flush();
        if (line.className === "at") rows.push(line.cloneNode(true));
        else row(line, line);
      }
    }
    flush();
    diff.replaceChildren(...rows);
  };
  const join = (diff) => {
    const lines = unified.get(diff);
    if (!lines) return;
    diff.replaceChildren(...lines);
    unified.delete(diff);
  };
  const show = (change) => {
    if (!change.open) return;
    const diff = change.querySelector(".diff");
    if (document.body.classList.contains("split")) split(diff);
    else join(diff);
  };
  const layout = () => {
    const side = document.body.classList.toggle("split");
    document.body.classList.toggle("unified", !side);
    byId("layout").setAttribute("aria-pressed", String(side));
    byId("layout").textContent = side ? "Unified (s)" : "Side by side (s)";
    changes.forEach(show);
  };
  const all = (open) => changes.forEach((change) => { change.open = open; });
  const theme = () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  };
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    const holds = (element) => !wanted || element.textContent.toLowerCase().includes(wanted);
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
    const at = visible.indexOf(document.activeElement);
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
