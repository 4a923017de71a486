// A real table that draws only the rows in sight. A row keeps its element while it is in sight, so that what is
// selected or has the focus stays so when others come and go.

const ROW = 26;
const SPARE = 6;

class Table {
  constructor({ label, columns, keyOf, onOpen, isLive = () => false }) {
    Object.assign(this, { columns, keyOf, onOpen, isLive });
    this.rows = [];
    this.drawn = new Map();
    this.chosen = null;
    this.caption = element("caption");
    this.above = element("tbody", "nbm-space", element("tr", "", element("td")));
    this.below = element("tbody", "nbm-space", element("tr", "", element("td")));
    for (const space of [this.above, this.below]) space.setAttribute("aria-hidden", "true");
    this.body = element("tbody");
    const heads = columns.map((column) => {
      const head = element("th", column.number ? "nbm-number" : "", column.name);
      head.scope = "col";
      return head;
    });
    const widths = columns.map((column) => {
      const col = element("col");
      col.style.width = column.width;
      return col;
    });
    this.table = element("table", `nbm-table nbm-${label.toLowerCase().replace(/ /g, "-")}`, this.caption, element("colgroup", "", ...widths), element("thead", "", element("tr", "", ...heads)), this.above, this.body, this.below);
    this.empty = element("p", "nbm-empty");
    this.scroll = element("div", "nbm-scroll", this.table, this.empty);
    this.scroll.tabIndex = 0;
    this.scroll.setAttribute("role", "region");
    this.scroll.setAttribute("aria-label", label);
    this.scroll.addEventListener("scroll", () => this.schedule(), { passive: true });
    this.scroll.addEventListener("keydown", (event) => this.press(event));
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      // who selects text to copy it does not want the row opened
      if (row && (event.target.closest("button") || getSelection().isCollapsed)) this.open(row.nbmKey);
    });
    this.watcher = new ResizeObserver(() => this.schedule());
    this.watcher.observe(this.scroll);
  }

  close() {
    this.watcher.disconnect();
  }

  // New rows; whoever reads in the middle keeps the line he reads.
  show(rows, caption, empty) {
    say(this.caption, caption);
    say(this.empty, rows.length ? "" : empty);
    this.empty.hidden = rows.length > 0;
    const anchor = this.anchor();
    this.rows = rows;
    this.table.setAttribute("aria-rowcount", String(rows.length + 1));
    this.draw(this.placeOf(anchor));
  }

  anchor() {
    const top = this.scroll.scrollTop;
    if (top < ROW) return null;
    const first = Math.floor(top / ROW);
    return { keys: this.rows.slice(first, first + 40).map(this.keyOf), offset: top - first * ROW };
  }

  placeOf(anchor) {
    if (!anchor) return null;
    const places = new Map(this.rows.map((row, place) => [this.keyOf(row), place]));
    const key = anchor.keys.find((one) => places.has(one));
    return key === undefined ? null : places.get(key) * ROW + anchor.offset;
  }

  schedule() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
    });
  }

  draw(top = null) {
    const total = this.rows.length;
    this.measure();
    const height = this.scroll.clientHeight || 300;
    const start = top ?? this.scroll.scrollTop;
    const first = Math.max(0, Math.min(Math.floor(start / ROW), total) - SPARE);
    const last = Math.min(total, first + Math.ceil(height / ROW) + 2 * SPARE);
    const focused = this.body.contains(document.activeElement);
    const wanted = new Set();
    let next = this.body.firstChild;
    for (let place = first; place < last; place += 1) {
      const row = this.rows[place];
      const key = this.keyOf(row);
      wanted.add(key);
      let drawn = this.drawn.get(key);
      if (!drawn) {
        drawn = this.make(key);
        this.drawn.set(key, drawn);
      }
      // what runs changes without a new row
      if (drawn.nbmRow !== row || drawn.nbmLongest !== this.longest || this.isLive(row)) this.fill(drawn, row);
      drawn.setAttribute("aria-rowindex", String(place + 2));
      while (next && next !== drawn && !this.stays(next, first, last, wanted)) next = this.drop(next);
      if (next === drawn) next = next.nextSibling;
      else this.body.insertBefore(drawn, next);
    }
    for (const [key, drawn] of this.drawn) if (!wanted.has(key)) this.drop(drawn);
    this.above.firstChild.style.height = `${first * ROW}px`;
    this.above.hidden = first === 0;
    this.below.firstChild.style.height = `${(total - last) * ROW}px`;
    this.below.hidden = last === total;
    // while rows were exchanged the table may have been shorter than the place scrolled to
    if (Math.abs(this.scroll.scrollTop - start) > 1) this.scroll.scrollTop = start;
    // the row that had the focus left: the keyboard goes on from the table
    if (focused && !this.body.contains(document.activeElement)) this.scroll.focus({ preventScroll: true });
  }

  // The longest of the rows, for columns with bars.
  measure() {
    const column = this.columns.find((one) => one.share);
    this.longest = column ? Math.max(0, ...this.rows.map((row) => column.share(row, 1))) : 0;
  }

  stays(drawn, first, last, wanted) {
    if (wanted.has(drawn.nbmKey)) return true;
    const place = Number(drawn.getAttribute("aria-rowindex")) - 2;
    return place >= first && place < last && this.rows.some((row) => this.keyOf(row) === drawn.nbmKey);
  }

  drop(drawn) {
    const next = drawn.nextSibling;
    this.drawn.delete(drawn.nbmKey);
    drawn.remove();
    return next;
  }

  make(key) {
    const made = element("tr");
    made.nbmKey = key;
    this.columns.forEach((column, place) => {
      const cell = element("td", column.number ? "nbm-number" : "");
      if (place === 0) {
        const opener = element("button", "nbm-open");
        opener.type = "button";
        opener.tabIndex = -1;
        cell.append(opener);
      }
      made.append(cell);
    });
    return made;
  }

  fill(drawn, row) {
    drawn.nbmRow = row;
    drawn.nbmLongest = this.longest;
    drawn.toggleAttribute("data-chosen", drawn.nbmKey === this.chosen);
    this.columns.forEach((column, place) => {
      const text = visible(column.text(row));
      const cell = drawn.children[place];
      const home = place === 0 ? cell.firstChild : cell;
      say(home, text);
      cell.title = text.length > 12 ? text : "";
      if (column.share) {
        cell.classList.add("nbm-bar-cell");
        cell.style.setProperty("--nbm-share", `${Math.round(1000 * column.share(row, this.longest)) / 10}%`);
      }
      if (column.mood) cell.dataset.mood = column.mood(row);
    });
  }

  choose(key) {
    this.chosen = key;
    for (const [one, drawn] of this.drawn) drawn.toggleAttribute("data-chosen", one === key);
  }

  open(key) {
    const row = this.rows.find((one) => this.keyOf(one) === key);
    if (!row) return;
    this.choose(key);
    this.onOpen?.(row);
  }

  press(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey || !this.rows.length) return;
    event.preventDefault();
    event.stopPropagation();
    const current = document.activeElement.closest?.("tr")?.nbmKey ?? this.chosen;
    const place = this.rows.findIndex((row) => this.keyOf(row) === current);
    this.reach(place < 0 ? 0 : Math.max(0, Math.min(this.rows.length - 1, place + step)));
  }

  reach(place) {
    const top = place * ROW;
    const bottom = top + 3 * ROW - this.scroll.clientHeight;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (bottom > this.scroll.scrollTop) this.scroll.scrollTop = bottom + ROW;
    this.draw();
    const drawn = this.drawn.get(this.keyOf(this.rows[place]));
    drawn?.querySelector("button").focus({ preventScroll: true });
  }

  focusChosen() {
    const drawn = this.drawn.get(this.chosen);
    (drawn?.querySelector("button") ?? this.scroll).focus({ preventScroll: true });
  }
}
