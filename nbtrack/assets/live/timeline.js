// The last 30 minutes, a bar for each.

const MINUTES = 30;

export class Timeline {
  constructor(box, onMinute) {
    this.box = box;
    this.minute = null;
    this.bars = Array.from({ length: MINUTES }, () => {
      const bar = document.createElement("button");
      bar.type = "button";
      bar.className = "nbt-bar";
      bar.append(document.createElement("i"), document.createElement("i"));
      bar.firstChild.className = "nbt-bar-bad";
      bar.addEventListener("click", () => {
        const minute = Number(bar.dataset.minute);
        this.minute = this.minute === minute ? null : minute;
        onMinute(this.minute);
      });
      return bar;
    });
    box.replaceChildren(...this.bars);
  }

  draw(minutes) {
    const now = Math.floor(Date.now() / 60000);
    const first = now - MINUTES + 1;
    const seen = Object.entries(minutes).filter(([minute]) => Number(minute) >= first);
    const most = Math.max(1, ...seen.map(([, [good, bad]]) => good + bad));
    this.bars.forEach((bar, index) => {
      const minute = now - MINUTES + 1 + index;
      const [good, bad] = minutes[minute] ?? [0, 0];
      bar.dataset.minute = String(minute);
      bar.setAttribute("aria-pressed", String(minute === this.minute));
      const clock = new Date(minute * 60000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
      bar.title = `${clock}: ${good} good, ${bad} failed`;
      bar.setAttribute("aria-label", bar.title);
      bar.firstChild.style.height = bad ? `${Math.max(6, (100 * bad) / most)}%` : "0";
      bar.lastChild.style.height = good ? `${Math.max(6, (100 * good) / most)}%` : "0";
    });
  }
}
