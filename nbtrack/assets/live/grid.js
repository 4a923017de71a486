// A table that draws only the rows in sight.

const ROW = 28;
const SPARE = 8;
const WIDTHS = { time: "minmax(112px, 172px)", status: "84px", event: "minmax(130px, 1fr)", app_id: "120px", entities: "minmax(120px, 1.6fr)", reason: "minmax(220px, 3fr)", event_id: "290px", schema: "minmax(320px, 2fr)" };

export class Grid {
  constructor({ grid, head, space, empty, onChoose, onSort, onFilter, label }) {
    Object.assign(this, { grid, head, space, empty, onChoose, onSort, onFilter, label });
    this.list = { length: 0, at: () => null };
    this.columns = [];
    this.sort = { column: "time", descending: true };
    this.filtered = new Set();
    this.chosen = null;
    this.index = -1;
    this.wanted = null;
    this.pool = [];
    this.pending = false;
    grid.addEventListener("scroll", () => this.schedule(), { passive: true });
    new ResizeObserver(() => this.schedule()).observe(grid);
    space.addEventListener("click", (click) => {
      const row = click.target.closest(".nbt-row");
      if (row) this.choose(Number(row.dataset.index), true);
    });
  }

  setColumns(columns) {
    this.columns = columns;
    this.grid.style.setProperty("--tracks", columns.map((name) => WIDTHS[name] ?? "minmax(120px, 1fr)").join(" "));
    const width = columns.reduce((sum, name) => sum + (parseInt((WIDTHS[name] ?? "120px").replace("minmax(", ""), 10) || 120), 0);
    this.grid.style.setProperty("--width", `${width}px`);
    this.drawHead();
    this.pool.forEach((row) => row.remove());
    this.pool = [];
    this.schedule();
  }

  // a column's name sorts by it, the button beside it filters
  drawHead() {
    this.head.replaceChildren(...this.columns.map((name) => {
      const cell = document.createElement("div");
      cell.className = "nbt-cell";
      cell.setAttribute("role", "columnheader");
      const sorted = this.sort.column === name;
      cell.setAttribute("aria-sort", sorted ? (this.sort.descending ? "descending" : "ascending") : "none");
      const sort = document.createElement("button");
      sort.type = "button";
      sort.className = "nbt-sort";
      sort.textContent = this.label(name) + (sorted ? (this.sort.descending ? " ↓" : " ↑") : "");
      sort.title = `Sort by ${name}`;
      sort.addEventListener("click", () => this.onSort(name));
      const filter = document.createElement("button");
      filter.type = "button";
      filter.className = "nbt-funnel";
      filter.textContent = "▾";
      filter.setAttribute("aria-pressed", String(this.filtered.has(name)));
      filter.setAttribute("aria-label", `Filter by ${name}`);
      filter.title = `Filter by ${name}`;
      filter.addEventListener("click", () => this.onFilter(name, cell));
      cell.append(sort, filter);
      return cell;
    }));
  }

  // the rows to show: `length`, and `at(index)`, which is null while it is read; `added` are new at the top
  setList(list, added = 0) {
    this.list = list;
    if (added && this.index >= 0) this.index += added;
    if (added && this.grid.scrollTop > 0) {
      // there must be room before it can be scrolled into
      this.space.style.height = `${list.length * ROW}px`;
      this.grid.scrollTop += added * ROW;
    }
    this.schedule();
    if (this.wanted && list.at(this.wanted.index)) this.choose(this.wanted.index, this.wanted.open);
  }

  // open the chosen row, or the one that is about to be
  openChosen() {
    if (this.wanted) this.wanted.open = true;
    else if (this.chosen) this.onChoose(this.chosen, true);
  }

  forget() {
    this.chosen = this.wanted = null;
    this.index = -1;
  }

  choose(index, open = false) {
    const within = Math.max(0, Math.min(index, this.list.length - 1));
    const event = this.list.at(within);
    if (!event) {
      // it is read once it is in sight, and chosen then
      this.wanted = { index: within, open };
      this.grid.scrollTop = within * ROW;
      return;
    }
    this.wanted = null;
    this.chosen = event;
    this.index = within;
    const top = within * ROW;
    const height = this.grid.clientHeight - 30;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    else if (top + ROW > this.grid.scrollTop + height) this.grid.scrollTop = top + ROW - height;
    this.schedule();
    this.onChoose(event, open);
  }

  move(step) {
    this.choose(this.chosen ? this.index + step : 0);
  }

  schedule() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.draw();
    });
  }

  draw() {
    const total = this.list.length;
    this.empty.hidden = total > 0;
    this.space.style.height = `${total * ROW}px`;
    this.grid.setAttribute("aria-rowcount", String(total + 1));
    const first = Math.max(0, Math.floor(this.grid.scrollTop / ROW) - SPARE);
    const count = Math.min(total - first, Math.ceil(this.grid.clientHeight / ROW) + 2 * SPARE);
    while (this.pool.length < count) {
      const row = document.createElement("div");
      row.className = "nbt-row";
      row.setAttribute("role", "row");
      for (const name of this.columns) {
        const cell = document.createElement("div");
        cell.className = "nbt-cell";
        cell.setAttribute("role", "gridcell");
        if (name === "time") cell.dataset.kind = "time";
        row.append(cell);
      }
      this.space.append(row);
      this.pool.push(row);
    }
    this.pool.forEach((row, number) => {
      row.hidden = number >= count;
      row.style.display = number >= count ? "none" : "";
      if (number < count) this.fill(row, first + number);
    });
  }

  fill(row, index) {
    const event = this.list.at(index);
    row.style.top = `${index * ROW}px`;
    row.dataset.index = String(index);
    row.id = event ? `row-${event.row}` : "";
    row.setAttribute("aria-rowindex", String(index + 2));
    const chosen = event !== null && event.row === this.chosen?.row;
    row.setAttribute("aria-selected", String(chosen));
    if (chosen) this.grid.setAttribute("aria-activedescendant", row.id);
    this.columns.forEach((name, number) => {
      const cell = row.children[number];
      const text = event ? event.cell(name) : number ? "" : "…";
      if (cell.textContent !== text) {
        cell.textContent = text;
        cell.title = text.length > 24 ? text : "";
      }
      if (name === "status") {
        cell.classList.add("nbt-mark");
        cell.dataset.good = event && !event.good ? "no" : "yes";
      }
    });
  }
}
