// The last 30 minutes, a bar for each; the highest is as high as the chart.

const MINUTES = 30;

export class Timeline {
  constructor(box, onMinute) {
    this.box = box;
    this.span = [null, null];
    this.bars = Array.from({ length: MINUTES }, () => {
      const bar = document.createElement("button");
      bar.type = "button";
      bar.className = "nbt-bar";
      bar.append(document.createElement("i"), document.createElement("i"));
      bar.firstChild.className = "nbt-bar-bad";
      bar.addEventListener("click", () => {
        onMinute(Number(bar.dataset.minute));
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
      const [since, until] = this.span;
      const isChosen = (since ?? until) !== null && minute * 60000 >= (since ?? 0) && (minute + 1) * 60000 <= (until ?? Infinity);
      bar.setAttribute("aria-pressed", String(isChosen));
      const clock = new Date(minute * 60000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
      bar.title = `${clock}: ${good.toLocaleString("en-US")} good, ${bad.toLocaleString("en-US")} failed`;
      bar.setAttribute("aria-label", bar.title);
      bar.firstChild.style.height = bad ? `${Math.max(6, (100 * bad) / most)}%` : "0";
      bar.lastChild.style.height = good ? `${Math.max(6, (100 * good) / most)}%` : "0";
    });
  }
}
