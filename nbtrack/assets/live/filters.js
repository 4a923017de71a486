// What chooses events: a filter, words, values of columns, a span of time and an order, all in the page's address.

import { clock } from "./events.js";

const SEEN_VALUES = 12;
const SEEN_ROWS = 2000;

export const view = { filter: "all", words: [], where: new Map(), since: null, until: null, sort: "time", descending: true };

export const isWhole = () => view.filter === "all" && !view.words.length && !view.where.size && view.since === null && view.until === null && view.sort === "time" && view.descending;

// the view as the collector is asked for it, and as the address keeps it
export function viewQuery() {
  const query = new URLSearchParams();
  if (view.filter !== "all") query.set("filter", view.filter);
  if (view.words.length) query.set("q", view.words.join(" "));
  if (view.where.size) query.set("where", JSON.stringify([...view.where].map(([column, values]) => [column, [...values]])));
  if (view.since !== null) query.set("since", String(view.since));
  if (view.until !== null) query.set("until", String(view.until));
  if (view.sort !== "time" || !view.descending) {
    query.set("sort", view.sort);
    query.set("desc", view.descending ? "1" : "0");
  }
  return query;
}

export function readView(hash) {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const filter = query.get("filter");
  view.filter = filter === "good" || filter === "bad" ? filter : "all";
  view.words = (query.get("q") ?? "").split(/\s+/).filter(Boolean);
  try {
    view.where = new Map(JSON.parse(query.get("where") ?? "[]").map(([column, values]) => [String(column), new Set(values.map(String))]));
  } catch {
    view.where = new Map();
  }
  const time = (name) => (/^\d+$/.test(query.get(name) ?? "") ? Number(query.get(name)) : null);
  view.since = time("since");
  view.until = time("until");
  view.sort = query.get("sort") ?? "time";
  view.descending = query.get("desc") !== "0";
}

function chip(text, remove) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "nbt-chip";
  button.textContent = `${text} ✕`;
  button.title = "Remove this filter";
  button.addEventListener("click", remove);
  return button;
}

// a button for each filter that is not seen elsewhere
export function drawChips(box, onChange) {
  const chips = [...view.where].map(([column, values]) => chip(`${column}: ${[...values].join(", ")}`, () => {
    view.where.delete(column);
    onChange();
  }));
  if (view.since !== null || view.until !== null) {
    const [from, to] = [view.since, view.until].map((time) => (time === null ? "" : clock(time).replace(/\.000$/, "")));
    chips.push(chip(`${from} – ${to}`, () => {
      view.since = view.until = null;
      onChange();
    }));
  }
  box.replaceChildren(...chips);
}

function valuesSeen(column, list) {
  const seen = new Map();
  for (let index = 0; index < Math.min(list.length, SEEN_ROWS); index += 1) {
    const event = list.here?.(index) ?? list.at(index);
    if (!event) break;
    const value = event.value(column);
    if (value) seen.set(value, (seen.get(value) ?? 0) + 1);
  }
  return [...seen].sort((a, b) => b[1] - a[1]).slice(0, SEEN_VALUES).map(([value]) => value);
}

// the menu of a column: the values that are seen most, and any others
export function openMenu(menu, column, anchor, list, onChange) {
  const chosen = view.where.get(column) ?? new Set();
  const place = anchor.getBoundingClientRect();
  const input = document.createElement("input");
  const seen = [...new Set([...chosen, ...valuesSeen(column, list)])];
  const isLong = column === "entities" || column === "reason";
  input.placeholder = isLong ? "contains …" : "values, with commas";
  input.setAttribute("aria-label", `Values of ${column}`);
  const apply = () => {
    if (chosen.size) view.where.set(column, chosen);
    else view.where.delete(column);
    onChange();
  };
  const boxes = seen.map((value) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = chosen.has(value);
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(value);
      else chosen.delete(value);
      apply();
    });
    label.append(box, value);
    return label;
  });
  menu.onsubmit = (submit) => {
    submit.preventDefault();
    for (const value of isLong ? [input.value] : input.value.split(",")) if (value.trim()) chosen.add(value.trim());
    menu.hidden = true;
    apply();
  };
  menu.replaceChildren(input, ...boxes);
  menu.hidden = false;
  menu.style.left = `${Math.max(4, Math.min(place.left, innerWidth - menu.offsetWidth - 4))}px`;
  menu.style.top = `${place.bottom + 2}px`;
  input.focus();
}
