// One event in full, each reason of a failure beside the field it is about.

import { clock, placeOf, ZONE } from "./events.js";

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function value(node, data) {
  const kind = typeof data === "string" ? "nbt-text" : "nbt-number";
  node.append(element("span", kind, JSON.stringify(data)));
}

function pathOf(parent, key) {
  if (typeof key === "number") return `${parent}[${key}]`;
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? `${parent}.${key}` : `${parent}['${key}']`;
}

// Writes JSON line by line; `reasons` maps a path to what is wrong there and loses what was shown.
function lines(box, data, reasons, path = "$", key = null, depth = 0, tail = "") {
  const line = element("div", "nbt-line");
  line.append("  ".repeat(depth));
  if (typeof key === "string") line.append(element("span", "nbt-key", JSON.stringify(key)), ": ");
  const found = reasons.get(path);
  if (found) {
    reasons.delete(path);
    line.dataset.bad = "";
  }
  const entries = Array.isArray(data) ? data.map((item, index) => [index, item]) : data && typeof data === "object" ? Object.entries(data) : null;
  if (!entries) {
    value(line, data);
    line.append(tail);
  } else if (!entries.length) {
    line.append((Array.isArray(data) ? "[]" : "{}") + tail);
  } else {
    line.append(Array.isArray(data) ? "[" : "{");
  }
  for (const reason of found ?? []) line.append(element("span", "nbt-reason", reason.message));
  box.append(line);
  if (!entries?.length) {
    if (depth === 0) leftovers(box, reasons);
    return;
  }
  entries.forEach(([name, item], index) => lines(box, item, reasons, pathOf(path, name), name, depth + 1, index < entries.length - 1 ? "," : ""));
  // what is missing stands where it should be
  for (const [missing, wrong] of [...reasons]) {
    if (missing.startsWith(`${path}.`) && !missing.slice(path.length + 1).match(/[.[]/)) {
      reasons.delete(missing);
      ghost(box, missing.slice(path.length + 1), wrong, depth + 1);
    }
  }
  box.append(element("div", "nbt-line", "  ".repeat(depth) + (Array.isArray(data) ? "]" : "}") + tail));
  if (depth === 0) leftovers(box, reasons);
}

function ghost(box, name, wrong, depth) {
  const line = element("div", "nbt-line");
  line.dataset.bad = "";
  line.append("  ".repeat(depth), element("span", "nbt-key", JSON.stringify(name)));
  for (const reason of wrong) line.append(element("span", "nbt-reason", reason.message));
  box.append(line);
}

function leftovers(box, reasons) {
  for (const [path, wrong] of reasons) ghost(box, path, wrong, 0);
}

function section(panel, title, data, reasons) {
  panel.append(element("h3", "", title));
  const box = element("div", "nbt-json");
  lines(box, data, reasons);
  panel.append(box);
}

function byPath(event, belongs) {
  const found = new Map();
  for (const reason of event.reasons) {
    const path = belongs(reason);
    if (path) found.set(path, [...(found.get(path) ?? []), reason]);
  }
  return found;
}

export function showEvent(panel, event, columnOf, close) {
  panel.replaceChildren();
  panel.hidden = false;
  const header = element("header");
  const title = element("h2", "", event.name);
  const actions = element("div");
  const copy = element("button", "", "Copy JSON");
  const shut = element("button", "", "Close");
  for (const button of [copy, shut]) button.type = "button";
  const parts = event.parts;
  copy.addEventListener("click", async () => {
    const whole = { schema: event.schema, good: event.good, reasons: event.reasons, event: parts.own, entities: parts.entities, payload: event.payload };
    try {
      await navigator.clipboard.writeText(JSON.stringify(whole, null, 2));
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Could not copy";
    }
  });
  shut.addEventListener("click", close);
  actions.append(copy, shut);
  header.append(title, actions);
  panel.append(header);
  panel.append(element("h3", "", [event.schema, `${clock(event.time)} ${ZONE}`].filter(Boolean).join(" · ")));
  if (event.reasons.length) {
    const list = element("ul", "nbt-why");
    for (const reason of event.reasons) {
      const item = element("li");
      item.append(element("b", "", placeOf(reason) || event.failure.kind), ": ", reason.message);
      list.append(item);
    }
    panel.append(list);
  }
  if (parts.own) section(panel, `unstruct_event · ${parts.own.schema ?? ""}`, parts.own.data ?? parts.own, byPath(event, (reason) => (reason.field === "unstruct_event" || reason.field === "ue_px" || reason.field === "ue_pr") && (reason.path ?? "$")));
  parts.entities.forEach((entity, index) => section(panel, `contexts[${index}] · ${entity?.schema ?? ""}`, entity?.data ?? entity, byPath(event, (reason) => reason.field === `contexts[${index}]` && (reason.path ?? "$"))));
  if (event.payload) {
    const own = new Set(["unstruct_event"]);
    const plain = Object.fromEntries(Object.entries(event.payload).filter(([key]) => !["ue_px", "ue_pr", "cx", "co"].includes(key)));
    const keyOf = Object.fromEntries(Object.keys(plain).map((key) => [columnOf[key] ?? key, key]));
    section(panel, "payload", plain, byPath(event, (reason) => !own.has(reason.field) && !String(reason.field).startsWith("contexts[") && reason.field && `$.${keyOf[reason.field] ?? reason.field}`));
  }
  const names = ["time", "vendor", "version", "method", "ip", "useragent", "referer", "network_userid", "hostname"];
  section(panel, "request", Object.fromEntries(names.map((name, index) => [name, event.request[index]])), new Map());
  for (const note of event.notes ?? []) panel.append(element("p", "nbt-state", note.message ? `Tracking plan: ${note.message}` : `Note: ${note}`));
}
