// One view of the monitor.

const ICONS = { ok: "✓", waiting: "…", sending: "↑", retrying: "↻", paused: "‖", off: "○", ended: "■" };
const MOODS = { ok: "good", sending: "good", waiting: "plain", retrying: "bad", paused: "warn", off: "warn", ended: "plain" };
const SAY_EVERY = 5000;
const LATER = "Buttons and details act when the running cell ends at the latest.";
const LOST = {
  ended: ["kernel ended", "This is its last known state. nbtrack.monitor() shows the state of the kernel that runs now."],
  silent: ["no answer", "The kernel has ended, or is busy with code that lets nothing else run. This is its last known state."],
};
let views = 0;

// The name first: where there is little room the vendor is cut, which is the same in most rows.
const readable = (schema) => schema.replace(/^iglu:([^/]+)\/([^/]+)\/jsonschema\/(.*)$/, "$2 $3 · $1");

const SIGNS = { ok: "✓", running: "◐", interrupted: "‖", exited: "■", lost: "?" };
const [STARTED, KIND, TITLE, DEPTH, STATUS, ERROR, SECONDS, ROWS_IN, ROWS_OUT, DELIVERY, VALIDATION, CELL, PROPERTIES] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
const endRow = (row, time) => Object.assign([...row], { [STATUS]: "lost", [SECONDS]: Math.max(0, time - row[STARTED]) });
const failed = (row) => row[STATUS] !== null && row[STATUS] !== "ok" && row[STATUS] !== "running";
const mood = (row) => (failed(row) ? "bad" : row[STATUS] === "ok" ? "good" : "plain");
// what runs has taken as long as it runs
const seconds = (row) => (row[STATUS] === "running" ? Math.max(0, Date.now() / 1000 - row[STARTED]) : row[SECONDS]);

function took(time) {
  if (time === null) return "";
  if (time < 0.001) return "<1 ms";
  if (time < 1) return `${Math.round(time * 1000)} ms`;
  if (time < 60) return `${Number(time.toPrecision(3))} s`;
  const minutes = Math.floor(time / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(time % 60)} s` : `${count(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

function rowsOf(row) {
  if (row[ROWS_IN] === null && row[ROWS_OUT] === null) return "";
  return `${row[ROWS_IN] === null ? "" : count(row[ROWS_IN])} → ${row[ROWS_OUT] === null ? "" : count(row[ROWS_OUT])}`.trim();
}

function delivered(row) {
  return row[VALIDATION] === "not checked" ? row[DELIVERY] : `${row[DELIVERY]}, ${row[VALIDATION]}`;
}

const TABLES = {
  activity: {
    label: "Activity",
    columns: [
      {
        name: "what",
        width: "auto",
        mood,
        text: (row) => `${"\u2003".repeat(row[DEPTH])}${SIGNS[row[STATUS]] ?? (failed(row) ? "✗" : "·")} ${row[CELL] === null ? "" : `[${row[CELL]}] `}${row[TITLE]}${failed(row) ? `: ${row[ERROR] || row[STATUS].replace("_", " ")}` : ""}`,
      },
      { name: "took", width: "17%", number: true, mood, share: (row, longest) => (longest && seconds(row) !== null ? seconds(row) / longest : 0), text: (row) => took(seconds(row)) },
      { name: "rows", width: "17%", number: true, text: rowsOf },
      { name: "properties", width: "18%", text: (row) => row[PROPERTIES].join(", ") },
      { name: "delivery", width: "14%", mood: (row) => (row[DELIVERY] === "refused" || row[DELIVERY] === "lost" || row[VALIDATION] === "invalid" ? "bad" : "plain"), text: delivered },
      { name: "start", width: "74px", text: (row) => clock(row[STARTED]) },
    ],
    isLive: (row) => row[STATUS] === "running",
    empty: "Nothing was tracked yet. Track a step: with nbtrack.track(\"load\"): …",
  },
  buffer: {
    label: "Buffer",
    columns: [
      { name: "time", width: "82px", text: (row) => clock(row[1]) },
      { name: "kind", width: "52px", text: (row) => row[2] },
      { name: "name", width: "auto", text: (row) => row[3] },
      { name: "bytes", width: "74px", number: true, text: (row) => count(row[4]) },
      { name: "attempts", width: "78px", number: true, text: (row) => count(row[5]) },
    ],
    empty: "No pending events.",
  },
  log: {
    label: "Send log",
    columns: [
      { name: "time", width: "82px", text: (row) => clock(row[1]) },
      { name: "events", width: "62px", number: true, text: (row) => count(row[2]) },
      { name: "bytes", width: "78px", number: true, text: (row) => count(row[3]) },
      { name: "status", width: "66px", mood: (row) => (row[4] >= 200 && row[4] < 300 ? "good" : "bad"), text: (row) => (row[4] >= 200 && row[4] < 300 ? `✓ ${row[4]}` : `✗ ${row[4] ?? "none"}`) },
      { name: "ms", width: "54px", number: true, text: (row) => count(Math.round(row[5])) },
      { name: "next retry", width: "88px", text: (row) => (row[6] === null ? "" : `in ${row[6]} s`) },
      { name: "error", width: "auto", text: (row) => row[7] ?? "" },
    ],
    empty: "Nothing was sent yet.",
  },
  collector: {
    label: "Collector",
    columns: [
      { name: "time", width: "82px", text: (row) => clock(row.time) },
      { name: "result", width: "70px", mood: (row) => (row.good ? (row.reasons.length ? "warn" : "good") : "bad"), text: (row) => (row.good ? "✓ good" : "✗ failed") },
      { name: "schema", width: "34%", text: (row) => (row.title ? `${row.title} · ${readable(row.schema)}` : readable(row.schema)) },
      { name: "reason", width: "auto", text: (row) => row.reasons.join("; ") },
    ],
    empty: "The local collector has received nothing yet.",
  },
};

const collectorOf = (view) => (view.held ?? view.store).collector ?? {};

class View {
  constructor(el, store) {
    Object.assign(this, { store, el, tab: "activity", held: null, filters: {}, said: "", saidAt: 0, id: `nbm-${(views += 1)}` });
    this.build();
    el.append(this.root);
    this.stopListening = store.listen(() => this.schedule());
    // the countdown to a retry and the charts go on between messages
    this.timer = setInterval(() => {
      this.drawHead();
      if (!this.store.lost && this.tab === "activity" && this.store.activity.some((row) => row[STATUS] === "running")) this.drawTable();
    }, 1000);
    this.themes = new MutationObserver(() => this.findTheme());
    for (const place of [document.documentElement, document.body]) this.themes.observe(place, { attributes: true });
    this.media = matchMedia("(prefers-color-scheme: dark)");
    this.media.addEventListener("change", (this.onMedia = () => this.findTheme()));
    requestAnimationFrame(() => this.findTheme());
    this.update();
  }

  close() {
    this.stopListening();
    clearInterval(this.timer);
    this.themes.disconnect();
    this.media.removeEventListener("change", this.onMedia);
    for (const table of Object.values(this.tables)) table.close();
    this.root.remove();
  }

  build() {
    this.icon = element("span", "nbm-icon");
    this.icon.setAttribute("aria-hidden", "true");
    this.word = element("strong");
    this.reason = element("span", "nbm-reason");
    this.state = element("p", "nbm-state", this.icon, this.word, this.reason);
    this.destination = element("code");
    this.elsewhere = element("span");
    this.pause = button("", "Pause", () => this.steer(this.pause, this.paused ? "resume" : "pause"));
    this.flush = button("", "Flush now", () => this.steer(this.flush, "flush"));
    this.hint = element("p", "nbm-hint");
    this.hint.id = `${this.id}-hint`;
    for (const one of [this.pause, this.flush]) one.setAttribute("aria-describedby", this.hint.id);
    const header = element("div", "nbm-head", element("div", "nbm-brand", element("h2", "", "nbtrack"), element("p", "nbm-to", "events go to ", this.destination, this.elsewhere)), this.state, element("div", "nbm-buttons", this.pause, this.flush), this.hint);
    this.warnings = element("div", "nbm-warnings");
    this.counters = element("dl", "nbm-counters");
    this.depth = new Chart("waiting");
    this.rate = new Chart("sent");
    this.panel = new Panel(this.store, () => this.tables[this.tab].focusChosen());
    this.live = element("p", "nbm-live");
    this.live.setAttribute("role", "status");
    this.root = element("div", "nbtrack-monitor", element("div", "nbm-inside", header, this.warnings, this.counters, element("div", "nbm-charts", this.depth.root, this.rate.root), this.buildTabs(), this.live));
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.panel.root.hidden) {
        this.panel.close();
        event.stopPropagation();
      }
    });
  }

  buildTabs() {
    this.tables = {};
    this.tabs = {};
    const list = element("div", "nbm-tabs");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", "nbtrack");
    this.pane = element("div", "nbm-pane");
    this.pane.id = `${this.id}-pane`;
    this.pane.setAttribute("role", "tabpanel");
    for (const [name, { label, columns, isLive }] of Object.entries(TABLES)) {
      const tab = button("", label, () => this.turn(name));
      tab.id = `${this.id}-${name}`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", this.pane.id);
      this.tabs[name] = tab;
      list.append(tab);
      this.tables[name] = new Table({ label, columns, isLive, keyOf: name === "collector" ? (row) => row.number : (row) => row[0], onOpen: (row) => this.open(name, row) });
    }
    list.addEventListener("keydown", (event) => this.pressTab(event));
    this.filter = element("input");
    this.filter.type = "search";
    this.filter.placeholder = "Filter";
    this.filter.setAttribute("aria-label", "Filter rows");
    this.filter.addEventListener("input", () => {
      this.filters[this.tab] = this.filter.value;
      this.drawTable();
    });
    // a notebook's own shortcuts must not see what is typed here
    this.filter.addEventListener("keydown", (event) => event.key === "Escape" || event.stopPropagation());
    this.hold = button("", "Hold", () => this.toggleHold());
    this.home = element("div", "nbm-home");
    this.schemas = element("div", "nbm-schemas");
    this.schemas.tabIndex = 0;
    this.schemas.setAttribute("role", "region");
    this.schemas.setAttribute("aria-label", "Events by schema");
    this.pane.append(this.home, this.panel.root);
    const tools = element("div", "nbm-tools", list, element("span", "nbm-buttons", this.filter, this.hold));
    return element("div", "nbm-main", tools, this.pane);
  }

  pressTab(event) {
    const names = Object.keys(this.tabs).filter((name) => !this.tabs[name].hidden);
    const step = { ArrowRight: 1, ArrowLeft: names.length - 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.turn(names[(names.indexOf(this.tab) + step) % names.length]);
    this.tabs[this.tab].focus();
  }

  turn(name) {
    this.panel.close();
    this.tab = name;
    this.filter.value = this.filters[name] ?? "";
    this.drawTable();
  }

  toggleHold() {
    const { activity, buffer, log, collector } = this.store;
    this.held = this.held ? null : { activity, buffer, log, collector, time: Date.now() / 1000 };
    this.drawTable();
  }

  steer(pressed, kind) {
    pressed.setAttribute("aria-busy", "true");
    this.asked = true;
    if (!this.store.head.direct) say(this.hint, `Asked to ${kind}: acts when the running cell ends at the latest.`);
    this.store.ask({ kind }, () => {
      pressed.removeAttribute("aria-busy");
      this.asked = false;
      this.drawHead();
    });
  }

  open(name, row) {
    if (name === "activity") this.panel.open(row[TITLE], { kind: "activity", number: row[0] });
    else if (name === "buffer") this.panel.open(row[3], { kind: "event", number: row[0] });
    else if (name === "log") this.panel.open(`Attempt ${row[0]}`, { kind: "attempt", number: row[0] });
    else this.panel.open(readable(row.schema), { kind: "result", number: row.number }, { time: new Date(row.time * 1000).toISOString(), schema: row.schema, good: row.good, reasons: row.reasons });
  }

  schedule() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.update();
    });
  }

  update() {
    if (!this.store.head) return;
    this.drawHead();
    this.drawWarnings();
    this.drawCounters();
    this.drawTable();
  }

  get paused() {
    return this.store.head?.state === "paused";
  }

  drawHead() {
    const head = this.store.head;
    if (!head) return;
    const { lost } = this.store;
    this.root.toggleAttribute("data-lost", Boolean(lost));
    const [word, why] = lost ? LOST[lost.why] : [head.state, null];
    say(this.icon, lost ? "✕" : ICONS[head.state] ?? "");
    say(this.word, word);
    const wait = !lost && head.retry_at ? Math.max(0, Math.ceil(head.retry_at - Date.now() / 1000)) : null;
    const reason = wait === null ? head.reason : head.reason.replace(/^in \d+ s/, wait ? `in ${wait} s` : "now");
    say(this.reason, why ? `Last message at ${clock(head.time)}. ${why}` : visible(reason));
    this.state.dataset.mood = lost ? "warn" : MOODS[head.state];
    say(this.destination, visible(head.destination));
    say(this.elsewhere, head.elsewhere ? `; ${visible(head.elsewhere)}` : "");
    const cellRuns = !lost && !head.direct && this.store.activity.some((row) => row[KIND] === "cell" && row[STATUS] === "running");
    if (lost || !this.asked) say(this.hint, cellRuns ? LATER : "");
    say(this.pause, this.paused ? "Resume" : "Pause");
    const off = head.state === "off" || head.state === "ended";
    this.pause.disabled = this.flush.disabled = off || Boolean(lost);
    const now = Math.max(head.time, Math.min(lost?.time ?? Date.now() / 1000, head.time + 180));
    this.depth.draw(depthSteps(this.store.points), now, " events");
    this.rate.draw(rateSteps(this.store.points, now), now, " events a second");
    this.announce(`nbtrack: ${word} ${head.counters.refused ? `, ${count(head.counters.refused)} refused` : ""}`);
  }

  // One voice, and not more often than a person can listen.
  announce(text) {
    if (text === this.said || Date.now() - this.saidAt < SAY_EVERY) return;
    if (this.said) say(this.live, text);
    this.said = text;
    this.saidAt = Date.now();
  }

  drawWarnings() {
    const warnings = this.store.head.warnings ?? [];
    this.warnings.hidden = !warnings.length;
    if (warnings.length !== this.warnings.childElementCount) this.warnings.replaceChildren(...warnings.map((one) => element("p", "", visible(`Warning: ${one}.`))));
  }

  drawCounters() {
    const { counters } = this.store.head;
    const names = Object.keys(counters);
    if (names.join() !== this.counted) {
      this.counted = names.join();
      this.counters.replaceChildren(...names.map((name) => element("div", "", element("dt", "", visible(name)), element("dd"))));
    }
    names.forEach((name, place) => {
      const box = this.counters.children[place];
      say(box.lastChild, count(counters[name]));
      box.toggleAttribute("data-bad", counters[name] > 0 && (name === "refused" || name === "internal errors" || name.startsWith("dropped")));
    });
  }

  drawTable() {
    const { head, collector } = this.store;
    const local = collector !== null || head.local;
    this.tabs.collector.hidden = !local;
    if (!local && this.tab === "collector") this.tab = "activity";
    for (const [name, tab] of Object.entries(this.tabs)) {
      tab.setAttribute("aria-selected", String(name === this.tab));
      tab.tabIndex = name === this.tab ? 0 : -1;
    }
    this.pane.setAttribute("aria-labelledby", this.tabs[this.tab].id);
    this.hold.setAttribute("aria-pressed", String(Boolean(this.held)));
    const table = this.tables[this.tab];
    if (this.home.firstChild !== table.scroll) this.home.replaceChildren(table.scroll);
    this.drawSchemas();
    const source = this.held ?? this.store;
    const rows = this.tab === "collector" ? source.collector?.last ?? [] : source[this.tab];
    const shown = this.choose(rows, table.columns);
    table.show(shown, this.caption(shown.length, rows.length), rows.length ? "No row matches the filter." : TABLES[this.tab].empty);
  }

  // What the live page shows above its events, for those whose browser cannot open it.
  drawSchemas() {
    const schemas = this.tab === "collector" ? collectorOf(this).schemas ?? [] : [];
    if (!schemas.length) {
      this.schemas.remove();
      return;
    }
    if (this.schemas.parentNode !== this.home) this.home.append(this.schemas);
    const shown = JSON.stringify(schemas);
    if (this.schemas.dataset.shown === shown) return;
    this.schemas.dataset.shown = shown;
    const heads = ["schema", "good", "failed"].map((name) => {
      const head = element("th", "", name);
      head.scope = "col";
      return head;
    });
    const rows = schemas.map(([schema, good, bad]) => {
      const failures = element("td", "nbm-number", count(bad));
      if (bad) failures.dataset.mood = "bad";
      return element("tr", "", element("td", "", visible(readable(schema))), element("td", "nbm-number", count(good)), failures);
    });
    this.schemas.replaceChildren(element("table", "", element("caption", "", "Events by schema, the most frequent first"), element("thead", "", element("tr", "", ...heads)), element("tbody", "", ...rows)));
  }

  choose(rows, columns) {
    const words = (this.filters[this.tab] ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return rows;
    return rows.filter((row) => {
      const text = columns.map((column) => column.text(row)).join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  caption(shown, total) {
    const { head, collector } = this.store;
    const some = shown === total ? count(shown) : `${count(shown)} of ${count(total)}`;
    const held = this.held ? `, held since ${clock(this.held.time)}` : "";
    if (this.tab === "activity") {
      const wrong = this.store.activity.filter(failed).length;
      return `Cells, steps and events, the earliest first: ${some}${wrong ? `, ${count(wrong)} failed` : ""}${held}${head.validation ? `. Validation results: ${head.validation}` : ""}`;
    }
    if (this.tab === "buffer") return `Pending events, the oldest first: ${some} shown, ${count(head.counters.waiting)} pending${held}`;
    if (this.tab === "log") return `Attempts to send, the newest first: ${some}${held}`;
    const counts = collector ? `: ${count(collector.good)} good, ${count(collector.bad)} failed` : "";
    return `The local collector's last validation results, and the last failed events${counts}${held}`;
  }

  // Colours of states must suit the background that the front end's theme gives, which has many names.
  findTheme() {
    const channels = getComputedStyle(this.root).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? [255, 255, 255];
    const light = 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
    const theme = light < 128 ? "dark" : "light";
    if (this.root.dataset.theme !== theme) this.root.dataset.theme = theme;
  }
}

export default () => {
  let store;
  return {
    initialize({ model }) {
      store = new Store(model);
      return () => store.close();
    },
    render({ model, el }) {
      store ??= new Store(model);
      const view = new View(el, store);
      return () => view.close();
    },
  };
};
