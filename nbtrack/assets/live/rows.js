// The rows that the table shows: those that the page holds, then those of the database, a page at a time.

import { LiveEvent } from "./events.js";

const PAGE = 100;
const KEPT_PAGES = 100;

// What a search in the database finds, read where somebody looks.
export class Found {
  // `query` names the search, `fetchPage` asks the collector, `onChange` is called when rows have come
  constructor(query, fetchPage, onChange) {
    Object.assign(this, { query, fetchPage, onChange });
    this.pages = new Map();
    this.asked = new Set();
    this.length = 0;
    this.searched = 0;
    this.isDone = false;
    this.isCurrent = true;
  }

  at(index) {
    const number = Math.floor(index / PAGE);
    const page = this.pages.get(number);
    if (!page) this.load(number);
    return page?.[index % PAGE] ?? null;
  }

  // a row if it is here already
  here(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE] ?? null;
  }

  async load(number = 0) {
    if (this.asked.has(number) || !this.isCurrent) return;
    this.asked.add(number);
    const query = new URLSearchParams(this.query);
    query.set("first", String(number * PAGE));
    query.set("size", String(PAGE));
    try {
      const found = await this.fetchPage(query);
      if (!found || !this.isCurrent) return;
      // the next pages are of the same events, whatever arrives meanwhile
      this.query.set("before", String(found.before));
      Object.assign(this, { length: found.found, searched: found.searched, isDone: found.is_done });
      this.pages.set(number, found.rows.map((line) => new LiveEvent(line)));
      if (this.pages.size > KEPT_PAGES) {
        const oldest = this.pages.keys().next().value;
        this.pages.delete(oldest);
        this.asked.delete(oldest);
      }
      this.onChange();
    } finally {
      if (!this.pages.has(number) || !this.isDone) this.asked.delete(number);
    }
    // a search that is not done is asked again, until it is
    if (!this.isDone && this.isCurrent && number === 0) this.load(0);
  }

  stop() {
    this.isCurrent = false;
  }
}

// All events, newest first: `events` came by the stream, oldest first, and `older` are in the database.
export class Everything {
  constructor(events, older) {
    Object.assign(this, { events, older });
  }

  get length() {
    return this.events.length + (this.older?.length ?? 0);
  }

  here(index) {
    return this.events[this.events.length - 1 - index] ?? null;
  }

  at(index) {
    const own = this.events.length;
    return index < own ? this.events[own - 1 - index] : this.older?.at(index - own) ?? null;
  }
}
