// Lines of numbers over steps, drawn by uPlot; names with the same last word (loss, test_loss) share a chart.

const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9"]; // Okabe and Ito's, told apart by everybody
const DARK = ["#56b4e9", "#ff9a4d", "#2fd19f", "#e79fc4", "#f0e442", "#8ab8ff"];
const HEIGHT = 150;
const MOST_POINTS = 4000;
const dark = matchMedia("(prefers-color-scheme: dark)");

export class Charts {
  constructor(element) {
    this.element = element;
    this.charts = new Map();
    dark.addEventListener("change", () => this.redraw(true));
    new ResizeObserver(() => this.resize()).observe(element);
  }

  clear() {
    for (const chart of this.charts.values()) chart.plot?.destroy();
    this.charts.clear();
    this.element.replaceChildren();
  }

  add(points) {
    for (const { steps, values } of points) for (const name of Object.keys(values)) this.addPoint(name, steps[name], values[name]);
    if (!this.pending) this.pending = requestAnimationFrame(() => { this.pending = 0; this.redraw(); });
  }

  addPoint(name, step, value) {
    const group = name.split("_").at(-1);
    if (!this.charts.has(group)) this.charts.set(group, this.newChart(group));
    const chart = this.charts.get(group);
    chart.stale = true;
    if (!chart.lines.has(name)) { chart.lines.set(name, { x: [], y: [], every: 1, seen: 0 }); chart.remake = true; }
    const line = chart.lines.get(name);
    line.last = value;
    if (line.seen++ % line.every) return;
    line.unsorted ||= line.x.length > 0 && step <= line.x.at(-1);
    line.x.push(step);
    line.y.push(value);
    if (line.x.length > MOST_POINTS) { // every second one goes
      line.every *= 2;
      line.x = line.x.filter((_, i) => i % 2 === 0);
      line.y = line.y.filter((_, i) => i % 2 === 0);
    }
  }

  newChart(group) {
    const figure = document.createElement("figure"), place = document.createElement("div"), caption = document.createElement("figcaption");
    place.setAttribute("role", "img");
    figure.append(place, caption);
    this.element.append(figure);
    return { group, place, caption, lines: new Map(), remake: true };
  }

  redraw(all = false) {
    for (const chart of this.charts.values()) if (all || chart.stale) this.draw(chart, all);
  }

  draw(chart, all) {
    chart.stale = false;
    const colors = dark.matches ? DARK : LIGHT;
    const tables = [...chart.lines.values()].map((line) => {
      if (line.unsorted) {
        const order = line.x.map((_, i) => i).sort((a, b) => line.x[a] - line.x[b]);
        line.x = order.map((i) => line.x[i]);
        line.y = order.map((i) => line.y[i]);
        line.unsorted = false;
      }
      return [line.x, line.y.map((v) => (Number.isFinite(v) ? v : null))];
    });
    const data = uPlot.join(tables);
    if (chart.remake || all) {
      chart.plot?.destroy();
      chart.remake = false;
      chart.plot = new uPlot(this.options(chart, colors), data, chart.place);
    } else chart.plot.setData(data);
    this.describe(chart, colors);
  }

  options(chart, colors) {
    const style = getComputedStyle(document.documentElement), ink = style.getPropertyValue("--faint"), grid = style.getPropertyValue("--line");
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    return {
      width: Math.max(160, chart.place.clientWidth), height: HEIGHT, cursor: { show: false }, legend: { show: false },
      scales: { x: { time: false } }, axes: [{ ...axis, size: 30 }, { ...axis, size: 50 }],
      series: [{}, ...[...chart.lines.keys()].map((label, i) => ({
        label, stroke: colors[i % colors.length], width: 2, spanGaps: false, points: { show: () => chart.lines.get(label).x.length < 2 } }))],
    };
  }

  /** In words, for those who do not see it and for those who want the number. */
  describe(chart, colors) {
    const words = [];
    chart.caption.replaceChildren();
    [...chart.lines].forEach(([name, line], i) => {
      const key = document.createElement("span"), label = document.createElement("b");
      key.className = "key";
      key.style.background = colors[i % colors.length];
      label.textContent = name.replaceAll("_", " ");
      const finite = line.y.filter(Number.isFinite);
      const range = finite.length ? ` (${short(finite.reduce((a, b) => Math.min(a, b)))} … ${short(finite.reduce((a, b) => Math.max(a, b)))})` : "";
      const text = ` ${short(line.last)}${range}`;
      chart.caption.append(...(i ? [document.createElement("br")] : []), key, label, text);
      words.push(`${label.textContent}${text}, ${line.seen} points`);
    });
    chart.place.setAttribute("aria-label", `Chart of ${words.join("; ")}`);
  }

  resize() {
    for (const chart of this.charts.values()) {
      const width = Math.max(160, chart.place.clientWidth);
      if (chart.plot && chart.plot.width !== width) chart.plot.setSize({ width, height: HEIGHT });
    }
  }
}

function short(value) {
  return value === null ? "not finite" : String(Number(value.toPrecision(4)));
}
