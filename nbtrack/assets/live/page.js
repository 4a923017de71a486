// The live page: events as they arrive.

import { LiveEvent, setFields, ZONE } from "./events.js";
import { drawChips, isWhole, openMenu, readView, view, viewQuery } from "./filters.js";
import { Grid } from "./grid.js";
import { showEvent } from "./panel.js";
import { Everything, Found } from "./rows.js";
import { Timeline } from "./timeline.js";

const KEPT = 20000;
const REFRESH = 2000;
const API = "../../nbtrack/";
const STANDARD = ["time", "status", "event", "app_id", "entities", "reason"];
const NARROW = ["time", "status", "event"];
const ALWAYS = ["time", "status", "event", "schema", "entities", "reason", "event_id", "app_id", "name_tracker", "platform", "user_id"];

const find = (id) => document.getElementById(id);
const root = document.body;
const state = { events: [], found: null, older: null, minutes: {}, epoch: null, stored: 0, removed: 0, failed: 0, columns: STANDARD, seen: new Set(ALWAYS) };
let columnOf = {};
let lastId = "";

// The token stays in this tab: session storage is read by no other port and no other site, and a cookie would be.
const KEY = `nbtrack.token ${location.pathname}`;
// Behind a proxy it is in the fragment, which browsers do not send.
function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token") ?? new URLSearchParams(location.search).get("token");
  if (!given) return false;
  sessionStorage.setItem(KEY, given);
  fragment.delete("token");
  history.replaceState(null, "", `${location.pathname}${fragment.size ? `#${fragment}` : ""}`);
  return true;
}
takeToken();
const token = sessionStorage.getItem(KEY) ?? "";

function request(path, options = {}) {
  return fetch(`${API}${path}`, { ...options, headers: { "X-Nbtrack-Token": token, ...options.headers } });
}

function remember(name, value) {
  try {
    localStorage.setItem(`nbtrack.${name}`, JSON.stringify(value));
  } catch { /* a page without storage forgets, and works */ }
}

function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`nbtrack.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

const grid = new Grid({
  grid: find("grid"), head: find("head"), space: find("space"), empty: find("empty"),
  label: (name) => (name === "time" ? `time · ${ZONE}` : name),
  onChoose: (event, open) => {
    if (open || !find("panel").hidden) showEvent(find("panel"), event, columnOf, closePanel);
  },
  onSort: (name) => {
    if (view.sort !== name) Object.assign(view, { sort: name, descending: name === "time" });
    else if (view.descending === (name === "time")) view.descending = !view.descending;
    else Object.assign(view, { sort: "time", descending: true });
    look();
  },
  onFilter: (name, cell) => {
    if (name === "time") find("time").open = true;
    else openMenu(find("menu"), name, cell, grid.list, look);
  },
});

const timeline = new Timeline(find("bars"), (minute) => {
  const [since, until] = [minute * 60000, (minute + 1) * 60000];
  const isChosen = view.since === since && view.until === until;
  [view.since, view.until] = isChosen ? [null, null] : [since, until];
  look();
});

function closePanel() {
  find("panel").hidden = true;
  find("grid").focus();
}

async function fetchPage(query) {
  const reply = await request(`search?${query}`);
  return reply.ok ? reply.json() : null;
}

// Show what the view chooses: the events that the page holds and older ones, or what the database finds.
function look() {
  const address = viewQuery();
  history.replaceState(null, "", `${location.pathname}${address.size ? `#${address}` : ""}`);
  for (const button of document.querySelectorAll("[data-filter]")) button.setAttribute("aria-pressed", String(button.dataset.filter === view.filter));
  drawChips(find("chips"), look);
  for (const [name, time] of [["since", view.since], ["until", view.until]]) find(name).value = time === null ? "" : localTime(time);
  timeline.span = [view.since, view.until];
  timeline.draw(state.minutes);
  Object.assign(grid.sort, { column: view.sort, descending: view.descending });
  grid.filtered = new Set(view.where.keys());
  grid.drawHead();
  grid.grid.scrollTop = 0;
  grid.forget();
  search();
}

let again = null;

function search() {
  clearTimeout(again);
  again = null;
  const before = state.found;
  state.found?.stop();
  state.found = null;
  if (isWhole()) {
    showAll();
    return;
  }
  const found = new Found(viewQuery(), fetchPage, () => {
    // what was found before is shown until the new search has something
    if (state.found === found) grid.setList(found);
    tell();
  });
  if (before?.isDone && before.query.toString().startsWith(viewQuery().toString())) grid.setList(before);
  else grid.setList(found);
  state.found = found;
  found.load();
  tell();
}

function showAll(added = 0) {
  const missing = state.stored - state.events.length;
  if (missing > 0 && !state.older) {
    const before = state.events[0]?.row ?? position() + 1;
    const older = new Found(new URLSearchParams({ before: String(before) }), fetchPage, () => {
      if (state.older === older && !state.found) grid.setList(new Everything(state.events, older));
      tell();
    });
    // how many there are is known before the first of them is read
    older.length = missing;
    state.older = older;
  }
  if (state.older && missing <= 0) state.older = null;
  grid.setList(new Everything(state.events, state.older), added);
  tell();
}

// The highest row that the stream has passed.
const position = () => Number(lastId.split("-")[1] ?? 0);

// A time as an input for dates and times has it, in the browser's zone.
function localTime(time) {
  return new Date(time - new Date(time).getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

const count = (number) => number.toLocaleString("en-US");

function tell() {
  const { stored, removed, found } = state;
  let text = `${count(stored)} shown`;
  if (found) text = found.isDone ? `${count(found.length)} of ${count(stored)} shown` : `${count(found.length)} found in the newest ${count(found.searched)} of ${count(stored)} so far`;
  if (removed) text += `, ${count(removed)} removed`;
  find("shown").textContent = text;
  find("nothing").hidden = stored > 0 || removed > 0;
  find("gone").hidden = stored > 0 || removed === 0;
  find("gone").textContent = `No event is stored; ${count(removed)} ${removed === 1 ? "was" : "were"} removed, by age, by number or by somebody.`;
  find("none").hidden = stored === 0 || !found?.isDone || found.length > 0;
  find("searching").hidden = stored === 0 || (found?.isDone ?? true);
}

// The reason has a column once something failed.
function showColumns() {
  const columns = state.columns.filter((name) => name !== "reason" || state.failed > 0);
  if (columns.join() !== grid.columns.join()) grid.setColumns(columns.length ? columns : ["time"]);
}

function receive(news) {
  if (state.epoch !== null && state.epoch !== news.epoch) {
    Object.assign(state, { events: [], older: null });
    grid.forget();
    find("panel").hidden = true;
  }
  const hadRemoved = news.removed !== state.removed;
  const hadMore = news.total !== state.stored || state.epoch !== news.epoch || hadRemoved;
  Object.assign(state, { epoch: news.epoch, stored: news.total, removed: news.removed, failed: news.bad, minutes: news.minutes });
  for (const name of ["good", "bad", "repeats"]) find(name).textContent = count(news[name]);
  document.title = news.bad ? `(${count(news.bad)} failed) nbtrack · events` : "nbtrack · events";
  showColumns();
  timeline.draw(state.minutes);
  const added = news.rows.map((line) => new LiveEvent(line));
  // those that a page which fell behind was not sent are read from the database, and what was removed is gone
  if (news.skipped || hadRemoved) Object.assign(state, { events: [], older: null });
  state.events.push(...added);
  if (state.events.length > KEPT) Object.assign(state, { events: state.events.slice(-KEPT), older: null });
  const newest = added.at(-1);
  if (newest) for (const name of Object.keys(newest.columns)) state.seen.add(name);
  if (isWhole()) showAll(added.length + news.skipped);
  // a search goes on with what is new, unless somebody reads further down
  else if (hadMore && state.found?.isDone !== false && find("grid").scrollTop === 0) again ??= setTimeout(search, state.found ? REFRESH : 0);
  tell();
}

async function connect() {
  let reply = null;
  try {
    // proxies pass on what is said to be a stream at once, and hold back other replies until they end
    reply = await request("stream", { headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) } });
    if (reply.ok) {
      root.dataset.live = "yes";
      find("state").textContent = "live";
      for await (const message of messages(reply.body)) receive(message);
    }
  } catch { /* the collector ended, or cannot be reached */ }
  root.dataset.live = "no";
  if (reply && reply.status === 401) {
    find("state").textContent = "the collector's token is required: open the URL that it printed";
    return;
  }
  find("state").textContent = "the collector does not respond; trying again";
  setTimeout(connect, 2000);
}

// The messages of a stream of server-sent events, which `EventSource` could not request with a header.
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      let data = null;
      for (const line of part.split("\n")) {
        if (line.startsWith("id: ")) lastId = line.slice(4);
        else if (line.startsWith("data: ")) data = line.slice(6);
      }
      if (data !== null) yield JSON.parse(data);
    }
  }
}

function setFilter(filter) {
  view.filter = filter;
  look();
}

function chooseColumns() {
  const chosen = new Set(state.columns);
  find("choices").replaceChildren(...[...state.seen].sort((a, b) => chosen.has(b) - chosen.has(a) || a.localeCompare(b)).map((name) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = chosen.has(name);
    box.addEventListener("change", () => {
      state.columns = box.checked ? [...state.columns, name] : state.columns.filter((column) => column !== name);
      showColumns();
      remember("columns", state.columns);
    });
    label.append(box, name);
    return label;
  }));
}

function setTheme(theme) {
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  find("theme").textContent = { auto: "Theme: auto", light: "Theme: light", dark: "Theme: dark" }[theme];
  remember("theme", theme);
}

function onKey(key) {
  const typing = key.target.matches?.("input:not([type=checkbox])");
  if (key.key === "Escape") {
    if (typing) find("grid").focus();
    else closePanel();
    find("columns").open = find("time").open = false;
    find("menu").hidden = true;
  } else if (typing || key.ctrlKey || key.metaKey || key.altKey) {
    return;
  } else if (key.key === "/") {
    find("search").focus();
    key.preventDefault();
  } else if (key.key === "f") {
    setFilter({ all: "good", good: "bad", bad: "all" }[view.filter]);
  } else if (document.activeElement === find("grid") || document.activeElement === root) {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 15, PageUp: -15, End: 1e9, Home: -1e9 }[key.key];
    if (step) {
      grid.move(step);
      key.preventDefault();
    } else if (key.key === "Enter") {
      grid.openChosen();
    }
  }
}

async function begin() {
  setTheme(recall("theme", "auto"));
  find("address").textContent = new URL("../..", location.href).href.replace(/\/$/, "");
  const narrow = matchMedia("(max-width: 720px)");
  const setColumns = () => {
    state.columns = narrow.matches ? NARROW : recall("columns", STANDARD);
    showColumns();
  };
  setColumns();
  narrow.addEventListener("change", setColumns);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  find("zone").textContent = `Times are in ${zone === ZONE ? zone : `${zone} (${ZONE})`}.`;
  for (const button of document.querySelectorAll("[data-filter]")) button.addEventListener("click", () => setFilter(button.dataset.filter));
  let waiting;
  find("search").addEventListener("input", (input) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      view.words = input.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      look();
    }, 80);
  });
  for (const name of ["since", "until"]) {
    find(name).addEventListener("change", (change) => {
      view[name] = change.target.value ? new Date(change.target.value).getTime() : null;
      look();
    });
  }
  find("span").addEventListener("submit", (submit) => submit.preventDefault());
  document.addEventListener("click", (click) => {
    if (!find("menu").contains(click.target) && !click.target.closest(".nbt-funnel")) find("menu").hidden = true;
  });
  // the URL with another token, opened in a tab that shows the page already, changes nothing but the fragment
  addEventListener("hashchange", () => (takeToken() ? location.reload() : recallView()));
  find("columns").addEventListener("toggle", chooseColumns);
  find("theme").addEventListener("click", () => setTheme({ auto: "dark", dark: "light", light: "auto" }[recall("theme", "auto")] ?? "dark"));
  find("clear").addEventListener("click", async () => {
    if (confirm("Delete all events of this collector?")) await request("reset", { method: "POST" });
  });
  document.addEventListener("keydown", onKey);
  setInterval(() => timeline.draw(state.minutes), 10000);
  try {
    const reply = await request("fields");
    if (reply.ok) columnOf = await reply.json();
  } catch { /* connecting says what is wrong */ }
  setFields(columnOf);
  recallView();
  connect();
}

function recallView() {
  readView(location.hash);
  find("search").value = view.words.join(" ");
  look();
}

begin();
