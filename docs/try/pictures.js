// Pictures: grey images, the decision boundary of a classifier, and graphs. Those of the same title replace one another.

const COLORS = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [150, 140, 20],
  [120, 94, 240], [80, 80, 80], [160, 60, 60]];

const unpack = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export class Pictures {
  constructor(element) {
    this.element = element;
    this.figures = new Map();
  }

  clear() {
    this.figures.clear();
    this.element.replaceChildren();
  }

  show(name, data) {
    const key = `${name} ${data.title}`;
    if (!this.figures.has(key)) {
      const figure = document.createElement("figure");
      this.element.append(figure);
      this.figures.set(key, figure);
    }
    const figure = this.figures.get(key), caption = document.createElement("figcaption"), title = document.createElement("b");
    title.textContent = data.title;
    caption.append(title);
    if (name === "images") figure.className = data.shape[0] > 1 ? "many" : "";
    else if (!this.element.querySelector(".beside")) figure.className = "beside"; // the charts stand beside the first plane
    figure.replaceChildren(caption, name === "images" ? tiles(data) : plane(data));
  }
}

function tiles({ title, titles, pixels, shape: [count, height, width] }) {
  const bytes = unpack(pixels), row = document.createElement("div");
  row.className = "tiles";
  const scale = Math.max(1, Math.min(10, Math.floor((count > 1 ? 56 : 210) / Math.max(height, width))));
  for (let i = 0; i < count; i++) {
    const tile = document.createElement("div"), canvas = document.createElement("canvas");
    tile.className = "tile";
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${width * scale}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${title || "picture"} ${i + 1} of ${count}${titles[i] ? `: ${titles[i]}` : ""}`);
    const image = new ImageData(width, height);
    for (let p = 0; p < height * width; p++) image.data.set([...Array(3).fill(bytes[i * height * width + p]), 255], 4 * p);
    canvas.getContext("2d").putImageData(image, 0, 0);
    tile.append(canvas);
    if (titles[i]) tile.append(titles[i]);
    row.append(tile);
  }
  return row;
}

function plane({ title, cells, classes, shares, low, high, points, labels }) {
  const canvas = document.createElement("canvas"), side = 420, draw = canvas.getContext("2d");
  canvas.className = "plane";
  canvas.width = canvas.height = side;
  const winner = unpack(classes), share = unpack(shares), step = side / cells;
  for (let i = 0; i < cells * cells; i++) {
    const [r, g, b] = COLORS[winner[i]], light = 0.25 + 0.5 * Math.max(0, Math.min(1, 2 * (share[i] / 255) - 1));
    draw.fillStyle = `rgb(${[r, g, b].map((v) => Math.round(255 - light * (255 - v))).join()})`;
    draw.fillRect(Math.floor((i % cells) * step), Math.floor(Math.floor(i / cells) * step), Math.ceil(step), Math.ceil(step));
  }
  const xy = new Float32Array(unpack(points).buffer), of = unpack(labels), counts = new Map();
  for (let i = 0; i < of.length; i++) {
    const x = ((xy[2 * i] - low[0]) / (high[0] - low[0])) * side, y = (1 - (xy[2 * i + 1] - low[1]) / (high[1] - low[1])) * side;
    counts.set(of[i], (counts.get(of[i]) || 0) + 1);
    draw.beginPath();
    mark(draw, of[i], x, y);
    draw.fillStyle = `rgb(${COLORS[of[i] % COLORS.length].join()})`;
    draw.strokeStyle = "#fff";
    draw.fill();
    draw.stroke();
  }
  canvas.setAttribute("role", "img");
  const areas = [...new Set(winner)].sort().map((k) => `class ${k} in ${Math.round((100 * winner.filter((w) => w === k).length) / winner.length)} %`);
  canvas.setAttribute("aria-label", `${title}: of the plane ${areas.join(", ")}; ${[...counts].map(([k, n]) => `${n} points of class ${k}`).join(", ")}`);
  return canvas;
}

/** Classes differ in shape, too, not in colour alone. */
function mark(draw, label, x, y) {
  if (label % 3 === 0) draw.arc(x, y, 4, 0, 2 * Math.PI);
  else if (label % 3 === 1) draw.rect(x - 3.5, y - 3.5, 7, 7);
  else { draw.moveTo(x, y - 5); draw.lineTo(x + 5, y + 4); draw.lineTo(x - 5, y + 4); draw.closePath(); }
}

/** The graphs that the program shows: the newest is on view, the others can be chosen. */
export class Graphs {
  constructor(element) {
    this.element = element;
    this.clear();
  }

  clear() {
    this.graphs = new Map();
    this.element.replaceChildren();
  }

  show(data) {
    this.graphs.delete(data.title);
    this.graphs.set(data.title, data);
    if (this.graphs.size > 12) this.graphs.delete(this.graphs.keys().next().value);
    this.current = data.title;
    this.draw();
  }

  draw() {
    const data = this.graphs.get(this.current), heading = document.createElement("h2"), frame = document.createElement("iframe");
    heading.textContent = "Graph";
    frame.title = `Graph: ${data.title}`;
    frame.sandbox = "allow-scripts";
    frame.srcdoc = data.page;
    const more = document.createElement("details"), summary = document.createElement("summary"), text = document.createElement("pre");
    summary.textContent = "The graph as text";
    text.textContent = data.text;
    text.tabIndex = 0;
    more.append(summary, text);
    this.element.replaceChildren(heading, ...this.choice(), frame, more);
  }

  choice() {
    if (this.graphs.size < 2) return [];
    const label = document.createElement("label"), select = document.createElement("select");
    for (const title of this.graphs.keys()) select.add(new Option(title, title, false, title === this.current));
    select.addEventListener("change", () => { this.current = select.value; this.draw(); });
    label.append("Show ", select);
    return [label];
  }
}
