// What one model's views show: a summary to begin with, then what changed, in the order of its numbers.

const MOST_LOGGED = 5000;
const MOST_POINTS = 180;
const SAVED_ROWS = 50;
const SAVE_EVERY = 5000;
// Seconds without a message that was announced, or without an answer.
const PATIENCE = 8;
// The states in which a front end reports that a kernel ends; "starting" is that of the one in its place.
const ENDS = new Set(["restarting", "autorestarting", "starting", "terminating", "dead"]);

class Store {
  constructor(model) {
    this.model = model;
    this.seq = -1;
    this.head = null;
    this.activity = [];
    this.buffer = [];
    this.log = [];
    this.points = [];
    this.collector = null;
    this.listeners = new Set();
    this.marks = 0;
    this.waiting = new Map();
    this.asking = false;
    this.saved = 0;
    this.lost = null;
    this.silence = 0;
    this.probed = false;
    this.hear = this.hear.bind(this);
    const summary = model.get("summary");
    if (summary) this.apply(summary);
    model.on("msg:custom", this.hear);
    this.watchKernel();
    this.askAll();
  }

  close() {
    this.model.off("msg:custom", this.hear);
    clearInterval(this.timer);
    this.kernel?.statusChanged.disconnect(this.onStatus);
    this.kernel?.disposed.disconnect(this.onDisposed);
  }

  // JupyterLab, Notebook 7 and Voilà know when a kernel ends. Elsewhere its silence shows it, where a message is due:
  // an idle kernel sends none, so that a server that ends idle kernels sees that it is idle.
  watchKernel() {
    this.kernel = this.model.widget_manager?.kernel;
    this.onStatus = (_, status) => ENDS.has(status) && this.lose("ended");
    this.onDisposed = () => this.lose("ended");
    this.kernel?.statusChanged?.connect(this.onStatus);
    this.kernel?.disposed?.connect(this.onDisposed);
    // counted by a timer, not by the clock: a page that slept was not listening
    this.timer = setInterval(() => {
      // a front end that has a subshell made for these messages has it by now: does the kernel hear while a cell runs?
      if (!this.probed && !this.head?.direct) this.model.send({ kind: "probe" });
      this.probed = true;
      const due = this.head?.beats || this.waiting.size > 0;
      this.silence = due ? this.silence + 1 : 0;
      if (this.silence > PATIENCE && !this.lost) this.lose("silent");
    }, 1000);
  }

  // The kernel is gone, or cannot be heard; the page keeps its last known state.
  lose(why) {
    if (this.lost?.why === why) return;
    this.lost = { why, time: Date.now() / 1000 };
    if (why === "ended") {
      for (const mark of [...this.waiting.keys()]) this.settle(mark, { missing: "The kernel has ended." });
      this.activity = this.activity.map((row) => (row[STATUS] === "running" ? endRow(row, this.lost.time) : row));
    }
    this.notify();
  }

  // A message came: from a kernel that was only busy, or on its way when the kernel ended.
  find() {
    this.silence = 0;
    if (!this.lost) return;
    this.lost = null;
    this.askAll();
  }

  notify() {
    for (const listener of this.listeners) listener();
  }

  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // The kernel hears it at once, or when no cell runs; the answer carries the same mark.
  ask(message, onAnswer) {
    const mark = `${Date.now()}-${Math.random()}-${(this.marks += 1)}`;
    if (onAnswer) this.waiting.set(mark, onAnswer);
    this.model.send({ ...message, mark });
    return () => this.waiting.delete(mark);
  }

  askAll() {
    if (this.asking) return;
    this.asking = true;
    this.model.send({ kind: "hello" });
  }

  hear(message) {
    // the last message of a kernel that ends may come after the news of its end
    if (message?.state !== "ended") this.find();
    if (message?.kind === "content") {
      this.settle(message.mark, message);
    } else if (message?.kind === "tick") {
      if (!message.fresh && message.seq <= this.seq) return;
      if (!message.fresh && message.seq !== this.seq + 1) this.askAll();
      if (message.fresh) this.asking = false;
      this.apply(message);
      this.save();
      for (const mark of message.done ?? []) this.settle(mark, message);
    }
  }

  settle(mark, message) {
    const onAnswer = this.waiting.get(mark);
    this.waiting.delete(mark);
    onAnswer?.(message);
  }

  apply(message) {
    const { activity, buffer, log, points, collector, ...head } = message;
    this.seq = message.seq;
    this.head = head;
    if (message.fresh) {
      this.activity = [];
      this.buffer = [];
      this.log = [];
      this.points = points ?? [];
      this.collector = null;
    }
    if (activity) this.applyActivity(activity);
    this.applyBuffer(buffer);
    if (log?.length) {
      const newest = this.log.length ? this.log[0][0] : 0;
      this.log = [...log.filter((row) => row[0] > newest), ...this.log].sort((a, b) => b[0] - a[0]).slice(0, MOST_LOGGED);
    }
    if (collector) this.collector = collector;
    const point = [Math.floor(head.time), head.counters.waiting, head.counters.sent];
    if (this.points.at(-1)?.[0] === point[0]) this.points.pop();
    this.points = [...this.points, point].slice(-MOST_POINTS);
    this.notify();
  }

  // The kernel says which rows there are, each followed by those inside it, and sends those that changed.
  applyActivity({ rows, order }) {
    const known = new Map([...this.activity, ...rows].map((row) => [row[0], row]));
    this.activity = order.filter((number) => known.has(number)).map((number) => known.get(number));
  }

  applyBuffer({ add, gone }) {
    const fresh = new Map(add.map((row) => [row[0], row]));
    const went = (number) => gone.some(([first, last]) => number >= first && number <= last);
    const kept = this.buffer.filter((row) => !went(row[0])).map((row) => {
      const changed = fresh.get(row[0]);
      fresh.delete(row[0]);
      return changed ?? row;
    });
    this.buffer = [...kept, ...fresh.values()];
    if (fresh.size) this.buffer.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  }

  // What a saved notebook holds: as little as what a view begins with, and no reason that quotes a value.
  save() {
    if (Date.now() - this.saved < SAVE_EVERY) return;
    this.saved = Date.now();
    this.model.set("summary", {
      ...this.head,
      fresh: true,
      partial: true,
      points: this.points,
      // without the user's values
      activity: { rows: this.activity.map((row) => [...row.slice(0, -1), []]), order: this.activity.map((row) => row[0]) },
      log: this.log.slice(0, SAVED_ROWS),
      buffer: { add: this.buffer.slice(0, SAVED_ROWS), gone: [] },
      ...(this.collector ? { collector: { ...this.collector, last: [] } } : {}),
    });
  }
}
