// A table that draws only the rows in sight.

const ROW = 28;
const SPARE = 8;
const WIDTHS = { time: "112px", status: "84px", event: "minmax(130px, 1fr)", app_id: "120px", entities: "minmax(120px, 1.6fr)", reason: "minmax(220px, 3fr)", event_id: "290px", schema: "minmax(320px, 2fr)" };

export class Grid {
  constructor({ grid, head, space, empty, onChoose }) {
    Object.assign(this, { grid, head, space, empty, onChoose });
    this.events = [];
    this.columns = [];
    this.chosen = null;
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
    this.head.replaceChildren(...columns.map((name) => {
      const cell = document.createElement("div");
      cell.className = "nbt-cell";
      cell.setAttribute("role", "columnheader");
      cell.textContent = name;
      return cell;
    }));
    this.pool.forEach((row) => row.remove());
    this.pool = [];
    this.schedule();
  }

  // the events to show, oldest first; `added` are new at the end
  setEvents(events, added = 0) {
    this.events = events;
    if (added && this.grid.scrollTop > 0) this.grid.scrollTop += added * ROW;
    this.schedule();
  }

  at(index) {
    return this.events[this.events.length - 1 - index];
  }

  indexOf(event) {
    const place = this.events.lastIndexOf(event);
    return place < 0 ? -1 : this.events.length - 1 - place;
  }

  choose(index, open = false) {
    const event = this.at(Math.max(0, Math.min(index, this.events.length - 1)));
    if (!event) return;
    this.chosen = event;
    const top = this.indexOf(event) * ROW;
    const height = this.grid.clientHeight - 30;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    else if (top + ROW > this.grid.scrollTop + height) this.grid.scrollTop = top + ROW - height;
    this.schedule();
    this.onChoose(event, open);
  }

  move(step) {
    this.choose(this.chosen ? this.indexOf(this.chosen) + step : 0);
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
    const total = this.events.length;
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
    const event = this.at(index);
    row.style.top = `${index * ROW}px`;
    row.dataset.index = String(index);
    row.id = `row-${event.row}`;
    row.setAttribute("aria-rowindex", String(index + 2));
    const chosen = event === this.chosen;
    row.setAttribute("aria-selected", String(chosen));
    if (chosen) this.grid.setAttribute("aria-activedescendant", row.id);
    this.columns.forEach((name, number) => {
      const cell = row.children[number];
      const text = event.cell(name);
      if (cell.textContent !== text) {
        cell.textContent = text;
        cell.title = text.length > 24 ? text : "";
      }
      if (name === "status") {
        cell.classList.add("nbt-mark");
        cell.dataset.good = event.good ? "yes" : "no";
      }
    });
  }
}
