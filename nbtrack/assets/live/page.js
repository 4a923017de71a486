// The live page: events as they arrive.

import { LiveEvent, setFields } from "./events.js";
import { Grid } from "./grid.js";
import { showEvent } from "./panel.js";
import { Timeline } from "./timeline.js";

const KEPT = 20000;
const API = "../../nbtrack/";
const STANDARD = ["time", "status", "event", "app_id", "entities", "reason"];
const NARROW = ["time", "status", "event"];
const ALWAYS = ["time", "status", "event", "schema", "entities", "reason", "event_id", "app_id", "name_tracker", "platform", "user_id"];

const find = (id) => document.getElementById(id);
const root = document.body;
const state = { events: [], shown: [], filter: "all", words: [], minute: null, minutes: {}, epoch: null, skipped: 0, stored: 0, removed: 0, found: null, seen: new Set(ALWAYS) };
let columnOf = {};
let lastId = "";

// The token stays in this tab: session storage is read by no other port and no other site, and a cookie would be.
const KEY = `nbtrack.token ${location.pathname}`;
const given = new URLSearchParams(location.search).get("token");
if (given) {
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", `${location.pathname}${location.hash}`);
}
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
  onChoose: (event, open) => {
    if (open || !find("panel").hidden) showEvent(find("panel"), event, columnOf, closePanel);
  },
});

const timeline = new Timeline(find("bars"), (minute) => {
  state.minute = minute;
  refilter();
  timeline.draw(state.minutes);
});

function closePanel() {
  find("panel").hidden = true;
  find("grid").focus();
}

function matches(event) {
  if (state.filter !== "all" && event.good !== (state.filter === "good")) return false;
  if (state.minute !== null && Math.floor(event.time / 60000) !== state.minute) return false;
  return state.words.every((word) => event.text.includes(word));
}

const isSearching = () => state.filter !== "all" || state.minute !== null || state.words.length > 0;
let searched = 0;
let again = null;

// What the page holds is shown at once; then the database is searched, which has more.
async function searchDatabase() {
  clearTimeout(again);
  again = null;
  if (!isSearching()) return;
  const number = ++searched;
  const query = new URLSearchParams({ q: state.words.join(" ") });
  if (state.filter !== "all") query.set("filter", state.filter);
  if (state.minute !== null) query.set("minute", state.minute);
  try {
    const reply = await request(`search?${query}`);
    if (!reply.ok || number !== searched || !isSearching()) return;
    const found = await reply.json();
    state.shown = found.rows.map((line) => new LiveEvent(line));
    state.found = found.total;
    grid.setEvents(state.shown);
    tell();
  } catch { /* what the page holds is shown */ }
}

// The filters are part of the address, so that a reload or a link shows the same.
function rememberView() {
  const view = new URLSearchParams();
  if (state.filter !== "all") view.set("filter", state.filter);
  if (state.minute !== null) view.set("minute", state.minute);
  if (state.words.length) view.set("q", state.words.join(" "));
  history.replaceState(null, "", `${location.pathname}${view.size ? `#${view}` : ""}`);
}

function recallView() {
  const view = new URLSearchParams(location.hash.slice(1));
  const filter = view.get("filter");
  if (filter === "good" || filter === "bad") state.filter = filter;
  if (view.get("minute")) timeline.minute = state.minute = Number(view.get("minute"));
  state.words = (view.get("q") ?? "").split(/\s+/).filter(Boolean);
  find("search").value = state.words.join(" ");
  for (const button of document.querySelectorAll("[data-filter]")) button.setAttribute("aria-pressed", String(button.dataset.filter === state.filter));
}

function refilter() {
  state.shown = state.events.filter(matches);
  state.found = null;
  rememberView();
  clearTimeout(again);
  again = setTimeout(searchDatabase, 50);
  const button = find("minute");
  button.hidden = state.minute === null;
  if (state.minute !== null) button.textContent = `${new Date(state.minute * 60000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })} ✕`;
  grid.setEvents(state.shown);
  tell();
}

const count = (number) => number.toLocaleString("en-US");

function tell() {
  const stored = state.stored;
  const shown = state.shown.length;
  const matching = state.found ?? shown;
  let text = shown === stored ? `${count(shown)} shown` : `${count(shown)} of ${count(stored)} shown`;
  if (matching > shown) text = `${count(shown)} of ${count(matching)} that match, of ${count(stored)}, shown`;
  if (state.removed) text += `, ${count(state.removed)} removed`;
  find("shown").textContent = text;
  find("nothing").hidden = stored > 0;
  find("none").hidden = stored === 0 || shown > 0;
}

function receive(news) {
  if (state.epoch !== null && state.epoch !== news.epoch) {
    Object.assign(state, { events: [], shown: [], skipped: 0 });
    grid.chosen = null;
    find("panel").hidden = true;
  }
  state.epoch = news.epoch;
  state.skipped += news.skipped;
  state.stored = news.total;
  state.removed = news.removed;
  for (const name of ["good", "bad", "repeats"]) find(name).textContent = news[name].toLocaleString("en-US");
  document.title = news.bad ? `(${news.bad} failed) nbtrack · events` : "nbtrack · events";
  state.minutes = news.minutes;
  timeline.draw(state.minutes);
  const added = news.rows.map((line) => new LiveEvent(line));
  state.events.push(...added);
  const fitting = added.filter(matches);
  state.shown.push(...fitting);
  // a search counts in the database, at most once in two seconds while events arrive
  if (fitting.length && isSearching()) again ??= setTimeout(searchDatabase, 2000);
  if (state.events.length > KEPT) {
    state.skipped += state.events.length - KEPT;
    state.events = state.events.slice(-KEPT);
    state.shown = state.events.filter(matches);
  }
  const newest = added.at(-1);
  if (newest) for (const name of Object.keys(newest.columns)) state.seen.add(name);
  grid.setEvents(state.shown, fitting.length);
  tell();
}

async function connect() {
  let reply = null;
  try {
    reply = await request("stream", lastId ? { headers: { "Last-Event-ID": lastId } } : {});
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
  state.filter = filter;
  for (const button of document.querySelectorAll("[data-filter]")) button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
  refilter();
}

function chooseColumns() {
  const chosen = new Set(grid.columns);
  find("choices").replaceChildren(...[...state.seen].sort((a, b) => chosen.has(b) - chosen.has(a) || a.localeCompare(b)).map((name) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = chosen.has(name);
    box.addEventListener("change", () => {
      const columns = box.checked ? [...grid.columns, name] : grid.columns.filter((column) => column !== name);
      grid.setColumns(columns.length ? columns : ["time"]);
      remember("columns", grid.columns);
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
  const typing = key.target.matches?.("input[type=search]");
  if (key.key === "Escape") {
    if (typing) find("grid").focus();
    else closePanel();
    find("columns").open = false;
  } else if (typing || key.ctrlKey || key.metaKey || key.altKey) {
    return;
  } else if (key.key === "/") {
    find("search").focus();
    key.preventDefault();
  } else if (key.key === "f") {
    setFilter({ all: "good", good: "bad", bad: "all" }[state.filter]);
  } else if (document.activeElement === find("grid") || document.activeElement === root) {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 15, PageUp: -15, End: 1e9, Home: -1e9 }[key.key];
    if (step) {
      grid.move(step);
      key.preventDefault();
    } else if (key.key === "Enter" && grid.chosen) {
      showEvent(find("panel"), grid.chosen, columnOf, closePanel);
    }
  }
}

async function begin() {
  setTheme(recall("theme", "auto"));
  find("address").textContent = new URL("../..", location.href).href.replace(/\/$/, "");
  const narrow = matchMedia("(max-width: 720px)");
  const columns = () => (narrow.matches ? NARROW : recall("columns", STANDARD));
  grid.setColumns(columns());
  narrow.addEventListener("change", () => grid.setColumns(columns()));
  for (const button of document.querySelectorAll("[data-filter]")) button.addEventListener("click", () => setFilter(button.dataset.filter));
  let waiting;
  find("search").addEventListener("input", (input) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      state.words = input.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      refilter();
    }, 80);
  });
  find("minute").addEventListener("click", () => {
    timeline.minute = state.minute = null;
    refilter();
    timeline.draw(state.minutes);
  });
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
  if (isSearching()) refilter();
}

begin();
