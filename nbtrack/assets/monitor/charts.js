// Two small charts of the last minutes: what waits, and what was sent a second. They begin with the first point, so
// that a young session fills them too.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 180;
const SHORTEST = 30;
const LONGEST = 180;
const HEIGHT = 34;

class Chart {
  constructor(label) {
    this.label = label;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    this.path = document.createElementNS(SVG, "path");
    this.svg.append(this.path);
    this.text = element("figcaption");
    this.begin = element("span");
    this.axis = element("p", "nbm-axis", this.begin, element("span", "", "now"));
    this.axis.setAttribute("aria-hidden", "true");
    this.root = element("figure", "nbm-chart", this.text, this.svg, this.axis);
  }

  // `steps`: [time, value], each value holds until the next one's time.
  draw(steps, now, unit) {
    const most = Math.max(1, ...steps.map(([, value]) => value));
    const span = Math.max(SHORTEST, Math.min(LONGEST, now - (steps[0]?.[0] ?? now)));
    const x = (time) => Math.max(0, Math.min(1, 1 - (now - time) / span)) * WIDTH;
    const y = (value) => HEIGHT - 1 - (value / most) * (HEIGHT - 4);
    let line = "";
    steps.forEach(([time, value], place) => {
      const until = place + 1 < steps.length ? steps[place + 1][0] : now;
      if (until <= now - span) return;
      line += `${line ? "L" : `M${x(time)} ${HEIGHT}L`}${x(time)} ${y(value)}H${x(until)}`;
    });
    this.path.setAttribute("d", line ? `${line}V${HEIGHT}Z` : "");
    const last = steps.at(-1)?.[1] ?? 0;
    say(this.begin, `${Math.round(span)} s ago`);
    say(this.text, `${this.label}: ${count(Math.round(last))}${unit}, at most ${count(Math.round(most === 1 && !steps.some(([, value]) => value) ? 0 : most))}`);
    this.svg.setAttribute("aria-label", `${this.text.textContent} in the last ${Math.round(span)} seconds`);
  }
}

function depthSteps(points) {
  return points.map(([time, waiting]) => [time, waiting]);
}

// Between two points the rate is what their difference says; after the last one nothing is sent.
function rateSteps(points, now) {
  const steps = [];
  for (let place = 1; place < points.length; place += 1) {
    const [before, , sentBefore] = points[place - 1];
    const [time, , sent] = points[place];
    steps.push([before, Math.max(0, sent - sentBefore) / Math.max(1, time - before)]);
  }
  const last = points.at(-1);
  if (last && now - last[0] > 1) steps.push([last[0], 0]);
  return steps;
}
