// The fields of an event, decoded when they are shown.

const JSON_KEYS = { ue_px: "own", ue_pr: "own", cx: "entities", co: "entities" };
// events without a schema of their own
const NAMES = { pv: "page_view", pp: "page_ping", se: "struct", tr: "transaction", ti: "transaction_item" };
let columnOf = {};

export function setFields(fields) {
  columnOf = fields;
}

function decode(key, text) {
  try {
    let json = text;
    if (key === "ue_px" || key === "cx") {
      const bytes = Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
      json = new TextDecoder().decode(bytes);
    }
    return JSON.parse(json);
  } catch {
    return null;
  }
}

// all times are in the browser's zone, which the head of their column names
export const ZONE = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(new Date()).find((part) => part.type === "timeZoneName").value;

// a time, with its date unless it is today
export function clock(time) {
  const moment = new Date(time);
  const day = moment.toDateString() === new Date().toDateString() ? "" : `${moment.toLocaleDateString("en-CA")} `;
  return `${day}${moment.toLocaleTimeString([], { hour12: false })}.${String(time % 1000).padStart(3, "0")}`;
}

// where in a payload a reason is about, as the collector says it elsewhere: a field, and a path within it
export const placeOf = (reason) => [reason.field, reason.path !== "$" && reason.path].filter(Boolean).join(" ");

export class LiveEvent {
  // a line of the collector: [row, good, schema, failure, notes, payload, request]
  constructor(line) {
    [this.row, , this.schema, this.failure, this.notes, this.payload, this.request] = line;
    this.good = Boolean(line[1]);
    this.time = this.request[0];
  }

  get reasons() {
    return this.failure ? this.failure.reasons : [];
  }

  get id() {
    return this.payload?.eid ?? "";
  }

  get name() {
    const plain = NAMES[this.payload?.e];
    if (plain) return plain;
    if (!this.schema) return this.failure ? this.failure.kind : "event";
    return this.schema.split("/")[1] ?? this.schema;
  }

  // the data of a self-describing event, and its entities
  get parts() {
    if (this._parts) return this._parts;
    const parts = { own: null, entities: [] };
    for (const [key, value] of Object.entries(this.payload ?? {})) {
      const kind = JSON_KEYS[key];
      const document = kind && decode(key, value);
      if (kind === "own" && document) parts.own = document.data ?? document;
      if (kind === "entities" && Array.isArray(document?.data)) parts.entities.push(...document.data);
    }
    this._parts = parts;
    return parts;
  }

  // every value by the name of its column
  get columns() {
    if (this._columns) return this._columns;
    const columns = {};
    for (const [key, value] of Object.entries(this.payload ?? {})) {
      if (!(key in JSON_KEYS)) columns[columnOf[key] ?? key] = value;
    }
    const data = this.parts.own?.data;
    if (data && typeof data === "object") {
      for (const [key, value] of Object.entries(data)) columns[`data.${key}`] = value;
    }
    this._columns = columns;
    return columns;
  }

  // what a filter of a column compares
  value(column) {
    if (column === "time") return "";
    return column === "status" ? (this.good ? "good" : "failed") : this.cell(column);
  }

  cell(column) {
    switch (column) {
      case "time": return clock(this.time);
      case "status": return this.good ? "✓ good" : "✗ failed";
      case "event": return this.name;
      case "schema": return this.schema ?? "";
      case "entities": return this.parts.entities.map((entity) => String(entity?.schema ?? "").split("/")[1]).join(", ");
      case "reason": return this.reasons.map((reason) => [placeOf(reason), reason.message].filter(Boolean).join(": ")).join(" · ");
      default: {
        const value = this.columns[column];
        return value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
      }
    }
  }
}
