"use strict";
// The interactive graph: graphView(element, data) fills element with the graph of data (see write_html.py), laid out with dagre, and
// lays it out again whenever a click opens or closes a box. It returns { element, svg, mark, reveal, fit, destroy }.
function graphView(element, data) {
  const boxes = new Map(data.boxes.map((b) => [b.id, b]));
  const items = new Map(data.items.map((i) => [i.id, i]));
  const closed = new Set(data.boxes.filter((b) => b.closed).map((b) => b.id)); // modules and stretches drawn as one node
  const folded = new Set(data.boxes.filter((b) => b.folded).map((b) => b.id)); // repeats of which one copy is drawn
  const view = { x: 0, y: 0, scale: 1 };
  const INK = "#1d2733", FAINT = "#66707c", BACK = "#c2475e"; // on nodes, which are light on any background
  const TEXT = "var(--text)", NOTE = "var(--note)", EDGE = "var(--edge)", FRAME = "var(--frame)", GROUND = "var(--ground)";
  const listeners = new AbortController(); // of the window: ended by destroy()
  const down = data.direction === "TB";
  const PILL = 56; // what "show all" takes beside a node

  // ---- the page around it -------------------------------------------------------------------------------------------

  function tag(name, attributes, parent, text) {
    const e = Object.assign(document.createElement(name), attributes);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.append(e);
    return e;
  }

  element.classList.add("graph");
  const header = tag("header", {}, element);
  tag("h1", {}, header, data.title);
  for (const note of data.notes) tag("p", { className: "note" }, header, note);
  const roles = tag("div", { className: "row" }, header), scaleRow = tag("div", { className: "row", id: "scale" }, header);
  const buttons = tag("div", { className: "row" }, header);
  const button = (id, text, title) => tag("button", { id, title, type: "button" }, buttons, text);
  const fitButton = button("fit", "Fit", "show the whole graph");
  const inButton = button("in", "+", "zoom in"), outButton = button("out", "−", "zoom out");
  const select = tag("select", { id: "depth", title: "how deep modules are open" }, buttons);
  tag("span", { className: "note" }, buttons, "Click a module to open or close it; drag to move, scroll to zoom.");
  const svg = make("svg", { role: "img", "aria-label": data.title }, element);
  const used = new Set(data.items.map((item) => item.role));
  for (const [role, look] of Object.entries(data.looks)) if (used.has(role)) roles.append(legendEntry(look));

  function legendEntry(look) {
    const entry = tag("span", { className: "role" }, null, look.legend);
    const border = look.double ? "double 4px" : look.dashed ? "dashed 1.5px" : "solid 1.5px";
    Object.assign(entry.style, { border: `${border} ${look.line}`, background: data.heat ? "#fff" : look.fill, color: INK,
      borderRadius: { ellipse: "50%", rounded: "7px", box: "0" }[look.shape] });
    return entry;
  }

  // ---- what is drawn ------------------------------------------------------------------------------------------------

  function ancestors(id) {
    const found = [];
    for (let b = id; b; b = boxes.get(b).parent) found.push(b);
    return found; // innermost first
  }

  /** The item or closed box that stands for an item. */
  function standsFor(item) {
    for (let twin; (twin = item.twins.find(([repeat]) => folded.has(repeat)));) item = items.get(twin[2]);
    const shut = ancestors(item.box).filter((b) => closed.has(b)).pop();
    return shut || item.id;
  }

  function betweenCopies(source, target) {
    const copies = (item) => new Map(item.twins.map(([repeat, copy]) => [repeat, copy]));
    const a = copies(source), b = copies(target);
    const inside = (item, repeat) => ancestors(item.box).includes(repeat);
    return [...a.keys(), ...b.keys()].some((r) =>
      folded.has(r) && (a.get(r) || 0) !== (b.get(r) || 0) && inside(source, r) && inside(target, r));
  }

  /** The innermost box to draw around a node, leaving out repeats that are folded into one part. */
  function frameOf(id) {
    for (let b = id; b; b = boxes.get(b).parent) {
      const box = boxes.get(b);
      if (box.what !== "repeat" || !folded.has(b) || box.period > 1) return b;
    }
    return null;
  }

  /** How many copies a node or box directly inside a folded repeat of single parts stands for. */
  function copiesOf(parent) {
    const box = boxes.get(parent);
    return box && box.what === "repeat" && folded.has(parent) && box.period === 1 ? box.copies : 1;
  }

  function visible() {
    const nodes = new Map(), of = new Map();
    for (const item of data.items) {
      const id = standsFor(item);
      if (!nodes.has(id)) {
        const box = boxes.get(id);
        const parent = box ? box.parent : item.box;
        const isPart = box || id.startsWith("op");
        nodes.set(id, { id, box, item: box ? null : items.get(id), parent: frameOf(parent), copies: isPart ? copiesOf(parent) : 1,
          repeat: isPart && copiesOf(parent) > 1 ? parent : null, measures: {}, gradients: [], parameters: [] });
      }
      addMeasures(nodes.get(id), item);
      of.set(item.id, nodes.get(id));
    }
    const edges = [], seen = new Set();
    for (const [s, t, shape, dtype, live, label] of data.edges) {
      const source = of.get(s), target = of.get(t);
      if (source === target || betweenCopies(items.get(s), items.get(t))) continue;
      const plain = source.id === s && target.id === t && !items.get(s).twins.length && !items.get(t).twins.length;
      const key = [source.id, target.id, label, shape, dtype].join("\n");
      if (!plain && seen.has(key)) continue;
      seen.add(key);
      edges.push({ source, target, shape: label + shape, dtype, live });
    }
    return attachParameters(nodes, edges);
  }

  /** Parameters that one operation alone reads are drawn beside it. */
  function attachParameters(nodes, edges) {
    const readers = new Map();
    for (const e of edges) {
      if (e.source.item && ["parameter", "constant"].includes(e.source.item.role)) {
        readers.set(e.source, (readers.get(e.source) || new Set()).add(e.target));
      }
    }
    for (const [parameter, targets] of readers) {
      const [target] = targets;
      if (targets.size === 1 && target.item && target.parent === parameter.parent) {
        target.parameters.push(parameter);
        nodes.delete(parameter.id);
      }
    }
    return { nodes: [...nodes.values()], edges: edges.filter((e) => nodes.has(e.source.id)) };
  }

  // ---- colours of measured values -----------------------------------------------------------------------------------

  function addMeasures(node, item) {
    for (const [name, value] of Object.entries(item.measures)) {
      if (name === "gradient") node.gradients.push({ value, own: ["parameter", "leaf"].includes(item.role) });
      else node.measures[name] = (node.measures[name] || 0) + value;
    }
  }

  const number = (v) => (typeof v === "string" ? Number(v) : v);
  for (const item of data.items) for (const k in item.measures) item.measures[k] = number(item.measures[k]); // "nan", "inf" become NaN
  /** The measured values of a node: of gradients one for each of the equal nodes that it stands for, else one sum or none. */
  function valuesOf(node) {
    const m = node.measures;
    if (!data.heat) return [];
    if (data.heat.what === "grad") return gradientsOf(node);
    if (data.heat.what === "time") return "forward" in m || "backward" in m ? [(m.forward || 0) + (m.backward || 0)] : [];
    return "kept" in m ? [m.kept] : [];
  }

  /** As Shown.gradients() in view.py: a closed module has the norm of its parameters' gradients, or its result's. */
  function gradientsOf(node) {
    const all = node.gradients.map((g) => g.value), own = node.gradients.filter((g) => g.own).map((g) => g.value);
    if (!node.box) return all;
    if (node.box.what === "stretch" || node.copies > 1) return own.length && node.box.size ? own : all;
    return own.length ? [Math.hypot(...own)] : all.slice(-1);
  }

  /** The value that colours a node: the largest, and before all others one that is not finite. */
  function valueOf(node) {
    const values = valuesOf(node).map(Math.abs);
    return values.find((v) => !Number.isFinite(v)) ?? (values.length ? Math.max(...values) : undefined);
  }

  function unitText(v, units) {
    for (const [unit, size] of units) if (v >= size || unit === units[units.length - 1][0]) return `${+(v / size).toPrecision(3)} ${unit}`;
    return "";
  }
  const measureText = {
    time: (v) => unitText(v, [["s", 1], ["ms", 1e-3], ["µs", 1e-6]]),
    memory: (v) => unitText(v, [["GB", 1e9], ["MB", 1e6], ["KB", 1e3], ["B", 1]]),
    grad: (v) => String(+v.toPrecision(3)).replace("Infinity", "inf"),
  };

  function heatScale(nodes) {
    if (!data.heat) return null;
    const all = nodes.flatMap((n) => [n, ...n.parameters]).flatMap(valuesOf).map(Math.abs).filter((v) => Number.isFinite(v) && v > 0);
    return { low: Math.min(...all), high: Math.max(...all), any: all.length > 0 };
  }

  function fillOf(node, look, scale) {
    if (!data.heat) return look.fill;
    const v = valueOf(node), grad = data.heat.what === "grad";
    if (v === undefined) return "#ffffff";
    if (!Number.isFinite(v)) return data.heat.nan;
    if (v === 0) return grad ? data.heat.zero : data.heat.colors[0];
    const span = Math.log(scale.high / scale.low);
    const share = grad ? (span ? Math.log(v / scale.low) / span : 1) : v / scale.high;
    return data.heat.colors[Math.min(data.heat.colors.length - 1, Math.floor(share * data.heat.colors.length))];
  }
  const isDark = (fill) => data.heat && [data.heat.nan, ...data.heat.colors.slice(-2)].includes(fill);

  // ---- sizes ----------------------------------------------------------------------------------------------------------

  const pen = document.createElement("canvas").getContext("2d");
  function width(text, size, bold) {
    pen.font = `${bold ? "bold " : ""}${size}px Helvetica, Arial, sans-serif`;
    return pen.measureText(text).width;
  }

  function describe(node) {
    const { item, box } = node, times = node.copies > 1 ? ` × ${node.copies.toLocaleString("en")}` : "";
    const first = item ? item.title + times : box.title + times;
    const rest = item ? [...(node.only ? [boxes.get(node.only).title] : []), ...item.lines] : [...box.lines];
    const measured = heatText(node);
    return [first, ...rest, ...(measured ? [measured] : [])];
  }

  function heatText(node) {
    const values = valuesOf(node);
    if (!values.length) return "";
    const show = measureText[data.heat.what];
    if (data.heat.what !== "grad") return (data.heat.what === "memory" ? "saves " : "") + show(values[0]);
    const size = (v) => (Number.isFinite(v) ? Math.abs(v) : Infinity);
    const sorted = [...values].sort((a, b) => size(a) - size(b)), least = sorted[0], most = sorted[sorted.length - 1];
    return Object.is(least, most) ? `gradient ${show(least)}` : `gradients ${show(least)} … ${show(most)}`;
  }

  function measure(node) {
    node.look = data.looks[node.item ? node.item.role : "module"];
    node.lines = describe(node);
    node.slots = node.item ? Object.entries(node.item.slots || {}) : []; // lines whose text changes with the steps
    const small = node.item && ["parameter", "constant"].includes(node.item.role);
    const pad = node.look.shape === "ellipse" ? 34 : 20;
    node.w = Math.max(44, ...node.lines.map((t, i) => width(t, i ? 11 : small ? 11 : 13, !i && !small)),
      ...node.slots.map(([name, widest]) => width(`${name} ${widest}`, 11))) + pad;
    node.h = 12 + 17 + 14 * (node.lines.length + node.slots.length - 1) + (node.look.shape === "ellipse" ? 4 : 0);
    node.chips = node.parameters.map((p) => {
      const more = [...p.item.lines, heatText(p)].filter((text) => text).join("  ");
      return { p, text: p.item.title, more: ` ${p.item.shape} ${p.item.dtype}${more ? "  " + more : ""}` };
    });
    const slotW = (p) => Math.max(0, ...Object.entries(p.item.slots || {}).map(([name, widest]) => width(`  ${name} ${widest}`, 10)));
    node.chipW = Math.max(0, ...node.chips.map((c) => width(c.text, 11) + width(c.more, 10) + slotW(c.p) + 14));
    const n = node.chips.length;
    const pill = node.repeat ? 2 * PILL : 0; // beside the node, and as much on its other side
    node.fullW = !n ? node.w + pill : down ? node.w + 2 * (node.chipW + 26) : Math.max(node.w, node.chipW);
    node.fullH = !n ? node.h : down ? Math.max(node.h, 18 * n) : node.h + 2 * (18 * n + 18);
  }

  // ---- layout -----------------------------------------------------------------------------------------------------------

  function layout() {
    const { nodes, edges } = visible();
    const content = new Map();
    for (const n of nodes) for (const b of n.parent ? ancestors(n.parent) : []) content.set(b, (content.get(b) || []).concat(n));
    for (const n of nodes) { // a module that holds one operation and nothing else is written on it
      const box = boxes.get(n.parent);
      if (n.item && n.id.startsWith("op") && box && box.what === "module" && box.path && !n.parameters.length && content.get(n.parent).length === 1) {
        n.only = n.parent;
        const times = copiesOf(box.parent);
        if (times > 1) { n.copies = times; n.repeat = box.parent; }
        n.parent = frameOf(box.parent);
      }
    }
    nodes.forEach(measure);
    const g = new dagre.graphlib.Graph({ compound: true, multigraph: true });
    g.setGraph({ rankdir: data.direction, nodesep: down ? 26 : 48, edgesep: 14, ranksep: 40, marginx: 20, marginy: 20 });
    g.setDefaultEdgeLabel(() => ({}));
    for (const n of nodes) g.setNode(n.id, { width: n.fullW, height: n.fullH });
    const frames = new Set();
    const parentOf = (b) => frameOf(boxes.get(b).parent);
    for (const n of nodes) {
      for (let child = n.id, b = n.parent; b; child = b, b = parentOf(b)) {
        if (!frames.has(b)) { frames.add(b); g.setNode(b, {}); }
        g.setParent(child, b);
      }
    }
    edges.forEach((e, i) => {
      const w = width(e.shape, 11) + width(` ${e.dtype}`, 10) + 8;
      g.setEdge(e.source.id, e.target.id, { width: w, height: 14, labelpos: "r", labeloffset: 5, weight: e.live ? 4 : 2 }, `e${i}`);
      e.name = `e${i}`;
    });
    dagre.layout(g);
    for (const n of nodes) {
      const at = g.node(n.id);
      n.x = at.x; n.y = at.y;
    }
    for (const e of edges) Object.assign(e, g.edge(e.source.id, e.target.id, e.name));
    if (down) respace(nodes, edges, parentOf);
    return { nodes, edges, frames: frameRects(nodes, edges, frames, parentOf), scale: heatScale(nodes) };
  }

  const HEAD = (b) => (headOf(b)[1] ? 40 : 28), FOOT = 10, LABEL = 26, ARROW = 16;

  /** dagre knows nothing of the heads of boxes: keep its rows, and give each gap between two of them the height it needs. */
  function respace(nodes, edges, parentOf) {
    const rows = [...new Set(nodes.map((n) => Math.round(n.y)))].sort((a, b) => a - b).map((y) => ({ y, height: 0, heads: 0, feet: 0 }));
    const rowOf = new Map(rows.map((r, i) => [r.y, i]));
    const first = new Map(), last = new Map();
    const framesOf = (n) => { const found = []; for (let b = n.parent; b; b = parentOf(b)) found.push(b); return found; };
    for (const n of nodes) {
      n.row = rowOf.get(Math.round(n.y));
      rows[n.row].height = Math.max(rows[n.row].height, n.fullH);
      for (const b of framesOf(n)) {
        first.set(b, Math.min(first.has(b) ? first.get(b) : Infinity, n.row));
        last.set(b, Math.max(last.has(b) ? last.get(b) : -1, n.row));
      }
    }
    for (const n of nodes) {
      const r = rows[n.row], frames = framesOf(n), sum = (list, f) => list.reduce((t, b) => t + f(b), 0);
      r.heads = Math.max(r.heads, sum(frames.filter((b) => first.get(b) === n.row), HEAD));
      r.feet = Math.max(r.feet, sum(frames.filter((b) => last.get(b) === n.row), () => FOOT));
    }
    const old = [], now = []; // where the upper and lower borders of the rows were, and are now
    let y = 0;
    rows.forEach((r, i) => {
      const top = i ? y + rows[i - 1].feet + LABEL + r.heads + ARROW : r.heads;
      old.push(r.y - r.height / 2, r.y + r.height / 2);
      now.push(top, top + r.height);
      y = top + r.height;
    });
    const move = (v) => {
      let i = 0;
      while (i < old.length - 2 && v > old[i + 1]) i++;
      const span = old[i + 1] - old[i];
      return now[i] + (span ? ((v - old[i]) / span) * (now[i + 1] - now[i]) : 0);
    };
    for (const n of nodes) n.y = move(n.y);
    for (const e of edges) {
      const gap = old.findIndex((v, i) => i % 2 && v <= e.y && e.y <= (old[i + 1] ?? Infinity)); // the row above the label
      e.points.forEach((p) => { p.y = move(p.y); });
      e.y = gap >= 0 ? now[gap] + rows[(gap - 1) / 2].feet + LABEL / 2 + 4 : move(e.y);
    }
  }

  /** Each open box goes around its content, inner boxes first. */
  function frameRects(nodes, edges, frames, parentOf) {
    const rects = new Map(), level = (b) => (b ? 1 + level(parentOf(b)) : 0);
    const order = [...frames].sort((a, b) => level(b) - level(a));
    const grow = (b, x0, y0, x1, y1) => {
      const r = rects.get(b) || { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
      rects.set(b, { x0: Math.min(r.x0, x0), y0: Math.min(r.y0, y0), x1: Math.max(r.x1, x1), y1: Math.max(r.y1, y1) });
    };
    for (const n of nodes) {
      const right = n.chips.length && down ? n.x + n.w / 2 : n.x + n.fullW / 2; // the chips' mirror image is empty
      if (n.parent) grow(n.parent, n.x - n.fullW / 2, n.y - n.fullH / 2, right, n.y + n.fullH / 2);
    }
    const around = (b) => (b ? [b, ...around(parentOf(b))] : []);
    for (const e of edges) { // a label between two nodes of a box is inside it
      const common = around(e.source.parent).find((b) => around(e.target.parent).includes(b));
      if (common) grow(common, e.x - e.width / 2, e.y - 8, e.x + e.width / 2 - 6, e.y + 6);
    }
    for (const b of order) {
      const r = rects.get(b), head = headOf(b);
      r.x0 -= 12; r.x1 += 12; r.y0 -= HEAD(b); r.y1 += FOOT;
      r.x1 = Math.max(r.x1, r.x0 + Math.max(width(head[0], 12, true) + 92, width(head[1], 11) + 36));
      Object.assign(r, { id: b, level: level(b), head });
      if (parentOf(b)) grow(parentOf(b), r.x0, r.y0, r.x1, r.y1);
    }
    return order.reverse().map((b) => rects.get(b));
  }

  function headOf(b) {
    const box = boxes.get(b), times = box.what === "repeat" ? box.copies : copiesOf(box.parent);
    if (box.what === "repeat") return [folded.has(b) ? `× ${times.toLocaleString("en")}` : `${times.toLocaleString("en")} equal parts`, ""];
    return [box.title + (times > 1 ? ` × ${times.toLocaleString("en")}` : ""), box.size ? box.size + (times > 1 ? " each" : "") : ""];
  }

  // ---- drawing ------------------------------------------------------------------------------------------------------------

  function make(tag, attributes, parent, text) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.appendChild(e);
    return e;
  }

  function clickable(group, id, action) {
    group.classList.add("click");
    group.setAttribute("tabindex", "0");
    group.addEventListener("keydown", (ev) => { if (ev.key === "Enter" || ev.key === " ") { ev.preventDefault(); act(id, action); } });
    group.addEventListener("click", (ev) => { if (!moved) { ev.stopPropagation(); act(id, action); } });
  }

  const levelFill = (level) => (level % 2 ? "var(--level1)" : "var(--level2)");

  function drawFrame(root, r) {
    const box = boxes.get(r.id), g = make("g", { "data-box": r.id }, root);
    make("rect", { class: "shape", x: r.x0, y: r.y0, width: r.x1 - r.x0, height: r.y1 - r.y0, rx: 9, fill: levelFill(r.level),
      stroke: box.what === "backward" ? "#7a3fa8" : FRAME, "stroke-width": 1.2, "stroke-dasharray": box.what === "repeat" ? "5 4" : "none" }, g);
    if (box.what === "repeat") clickable(g, r.id, () => toggle(folded, r.id));
    else {
      make("title", {}, g, "click to close");
      clickable(g, r.id, () => closed.add(r.id));
      const around = box.parent;
      if (copiesOf(around) > 1) badge(g, r.x1 - 12, r.y0 + 18, around);
    }
  }

  /** A box's label, drawn over the edges, which would otherwise run through it. */
  function drawHead(root, r) {
    const halo = { "paint-order": "stroke", stroke: levelFill(r.level), "stroke-width": 4 };
    const t = make("text", { x: r.x0 + 10, y: r.y0 + 18, "font-size": 12, fill: TEXT, ...halo }, root);
    make("tspan", { "font-weight": "bold" }, t, `▾ ${r.head[0]}`);
    make("tspan", { x: r.x0 + 23, dy: 14, fill: NOTE, "font-size": 11 }, t, r.head[1]);
  }

  /** The small "× N" that shows all copies. */
  function badge(group, x, y, repeat) {
    const g = make("g", { "data-repeat": repeat }, group);
    make("rect", { class: "shape", x: x - 42, y: y - 13, width: 46, height: 17, rx: 8, fill: GROUND, stroke: FRAME }, g);
    make("text", { x: x - 19, y: y, "font-size": 10, "text-anchor": "middle", fill: NOTE }, g, "show all");
    clickable(g, repeat, () => folded.delete(repeat));
  }

  function shapeOf(g, look, x, y, w, h, fill, extra) {
    const common = { class: "shape", fill, stroke: look.line, "stroke-width": look.wide ? 2.2 : 1.3, ...(look.dashed ? { "stroke-dasharray": "5 3" } : {}), ...extra };
    if (look.shape === "ellipse") make("ellipse", { cx: x, cy: y, rx: w / 2, ry: h / 2, ...common }, g);
    else make("rect", { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: look.shape === "rounded" ? 8 : 0, ...common }, g);
  }

  function drawNode(root, n, scale) {
    const g = make("g", { "data-node": n.id, "data-role": n.look.role }, root);
    const fill = fillOf(n, n.look, scale), ink = isDark(fill) ? "#fff" : INK, faint = data.heat ? ink : FAINT;
    if (n.look.double || n.copies > 1 || n.box) shapeOf(g, n.look, n.x, n.y, n.w + 6, n.h + 6, "#fff", { class: "" });
    shapeOf(g, n.look, n.x, n.y, n.w, n.h, fill);
    const small = n.item && ["parameter", "constant"].includes(n.item.role);
    n.lines.forEach((text, i) => make("text", { x: n.x, y: n.y - n.h / 2 + 19 + 14 * i + (i ? 3 : 0) + (n.look.shape === "ellipse" ? 2 : 0), "text-anchor": "middle",
      "font-size": i || small ? 11 : 13, "font-weight": i || small ? "normal" : "bold", fill: i ? faint : ink }, g, (n.box && !i && n.box.open ? "▸ " : "") + text));
    n.slots.forEach(([name], i) => make("text", { x: n.x, y: n.y - n.h / 2 + 22 + 14 * (n.lines.length + i) + (n.look.shape === "ellipse" ? 2 : 0) + (n.lines.length > 1 ? 0 : -1),
      "text-anchor": "middle", "font-size": 11, fill: name === "grad" && !data.heat ? "#a3243c" : ink, "data-slot": name }, g, ""));
    make("title", {}, g, n.item ? n.item.tip : n.box.open ? "click to open" : "too many operations to open here");
    n.chips.forEach((c, i) => drawChip(g, n, c, i, scale));
    if (n.box && n.box.open) clickable(g, n.id, () => closed.delete(n.id));
    if (n.repeat) badge(g, n.x + n.w / 2 + 8 + 42, n.y + 4, n.repeat);
  }

  function drawChip(root, n, chip, i, scale) {
    const count = n.chips.length, look = data.looks[chip.p.item.role];
    const x = down ? n.x - n.w / 2 - 26 - n.chipW : n.x - n.chipW / 2;
    const y = down ? n.y - 9 * count + 18 * i : n.y - n.h / 2 - 18 - 18 * (count - i);
    const g = make("g", { "data-node": chip.p.id, "data-role": chip.p.item.role }, root);
    const fill = fillOf(chip.p, look, scale), ink = isDark(fill) ? "#fff" : INK;
    make("rect", { class: "shape", x, y, width: n.chipW, height: 18, fill, stroke: look.line }, g);
    const t = make("text", { x: x + 6, y: y + 13, "font-size": 11, fill: ink }, g, chip.text);
    make("tspan", { "font-size": 10, fill: data.heat ? ink : FAINT }, t, chip.more);
    if (chip.p.item.slots) make("tspan", { "font-size": 10, fill: ink, "data-slot": "chip" }, t, "");
    make("title", {}, g, chip.p.item.tip);
    if (i === 0) {
      const d = down ? `M${x + n.chipW},${n.y} L${n.x - n.w / 2 - 2},${n.y}` : `M${n.x},${n.y - n.h / 2 - 18} L${n.x},${n.y - n.h / 2 - 2}`;
      arrow(root, d, data.backward && chip.p.item.role === "parameter", down);
    }
  }

  function arrow(parent, d, back, flat) {
    const shift = (k) => (back ? { transform: down !== !!flat ? `translate(${k},0)` : `translate(0,${k})` } : {});
    if (back) make("path", { d, fill: "none", stroke: BACK, "stroke-width": 1.3, "marker-start": "url(#back)", ...shift(2.2) }, parent);
    make("path", { d, fill: "none", stroke: EDGE, "stroke-width": 1.3, "marker-end": "url(#head)", ...shift(-2.2) }, parent);
  }

  /** Where the line from a node's middle towards (x, y) leaves its shape. */
  function border(n, x, y) {
    const dx = x - n.x, dy = y - n.y, w = n.w / 2 + 3, h = n.h / 2 + 3;
    if (!dx && !dy) return { x: n.x, y: n.y };
    const k = n.look.shape === "ellipse" ? 1 / Math.hypot(dx / w, dy / h) : Math.min(w / Math.abs(dx || 1e-9), h / Math.abs(dy || 1e-9));
    return { x: n.x + dx * k, y: n.y + dy * k };
  }

  function drawEdge(root, e) {
    let p = e.points.slice(1, -1);
    if (!p.length) p = [{ x: (e.source.x + e.target.x) / 2, y: (e.source.y + e.target.y) / 2 }];
    p = [border(e.source, p[0].x, p[0].y), ...p, border(e.target, p[p.length - 1].x, p[p.length - 1].y)];
    let d = `M${p[0].x},${p[0].y}`;
    for (let i = 1; i < p.length - 1; i++) { // a smooth line through the middles
      const end = i === p.length - 2 ? p[i + 1] : { x: (p[i].x + p[i + 1].x) / 2, y: (p[i].y + p[i + 1].y) / 2 };
      d += ` Q${p[i].x},${p[i].y} ${end.x},${end.y}`;
    }
    const g = make("g", { "data-edge": `${e.source.id} ${e.target.id}` }, root);
    arrow(g, d, data.backward && e.live);
    make("title", {}, g, `${e.shape} ${e.dtype}`);
    const t = make("text", { x: e.x - e.width / 2 + 4, y: e.y + 4, "font-size": 11, fill: TEXT, "paint-order": "stroke", stroke: GROUND, "stroke-width": 3 }, g, e.shape);
    make("tspan", { "font-size": 10, fill: NOTE }, t, ` ${e.dtype}`);
  }

  let drawn = null;
  function draw() {
    drawn = layout();
    svg.replaceChildren();
    const defs = make("defs", {}, svg);
    for (const [id, color, refX, path] of [["head", EDGE, 9, "M0,0 L10,5 L0,10 z"], ["back", BACK, 2, "M10,0 L0,5 L10,10 z"]]) {
      const m = make("marker", { id, viewBox: "0 0 10 10", refX, refY: 5, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" }, defs);
      make("path", { d: path, fill: color }, m);
    }
    const root = make("g", { id: "root" }, svg);
    drawn.frames.forEach((r) => drawFrame(root, r));
    drawn.edges.forEach((e) => drawEdge(root, e));
    drawn.frames.forEach((r) => drawHead(root, r));
    drawn.nodes.forEach((n) => drawNode(root, n, drawn.scale));
    legend();
    place();
    remark();
  }

  // ---- marks of the step that is shown ----------------------------------------------------------------------------------

  let marks = null;

  /** Mark what a step does: { phase, lit, reads, gives, waiting, done: arrays of item ids, texts: {id: {data, grad}} }. */
  function mark(now) { marks = now; remark(); }

  const shownId = (id) => (items.has(id) ? standsFor(items.get(id)) : null);

  function remark() {
    if (!marks) return;
    const sets = Object.fromEntries(["lit", "reads", "gives", "waiting", "done"].map((k) => [k, new Set(marks[k].map(shownId))]));
    const texts = { ...marks.texts };
    for (const id of marks.lit) texts[shownId(id)] = marks.texts[id]; // a copy's, on the one that stands for all
    svg.dataset.phase = marks.phase;
    for (const g of svg.querySelectorAll("[data-node]")) {
      for (const [name, ids] of Object.entries(sets)) g.classList.toggle(name, ids.has(g.dataset.node));
      const known = texts[g.dataset.node] || {};
      for (const slot of g.querySelectorAll("[data-slot]")) slot.textContent = slotText(slot.dataset.slot, known);
    }
    const along = (s, t) => (sets.reads.has(s) && sets.lit.has(t)) || (sets.gives.has(s) && sets.lit.has(t));
    for (const g of svg.querySelectorAll("[data-edge]")) {
      const [s, t] = g.dataset.edge.split(" ");
      g.classList.toggle("lit", along(s, t));
      g.classList.toggle("done", sets.done.has(s) && sets.done.has(t));
    }
  }

  function slotText(name, texts) {
    if (name !== "chip") return texts[name] === undefined ? "" : `${name} ${texts[name]}`;
    return texts.grad === undefined ? (texts.data === undefined ? "" : `  data ${texts.data}`) : `  grad ${texts.grad}`;
  }

  /** Bring what stands for an item into sight. */
  function reveal(id) {
    const shape = svg.querySelector(`[data-node="${CSS.escape(shownId(id) || "")}"] > .shape`); // without the parameters beside it
    if (!shape) return;
    const r = shape.getBoundingClientRect(), frame = svg.getBoundingClientRect(), margin = 24;
    const inside = r.left >= frame.left + margin && r.right <= frame.right - margin && r.top >= frame.top + margin && r.bottom <= frame.bottom - margin;
    if (inside) return;
    view.x += frame.left + frame.width / 2 - (r.left + r.width / 2);
    view.y += frame.top + frame.height / 2 - (r.top + r.height / 2);
    place();
  }

  /** Where the graph is too small to be read, show it larger. */
  let wantsReadable = false;
  function readable() { wantsReadable = true; if (laidOut() && view.scale < 0.7) zoom(0.9 / view.scale); }

  function destroy() { listeners.abort(); element.replaceChildren(); element.classList.remove("graph"); }

  function legend() {
    const row = scaleRow;
    row.replaceChildren();
    if (!drawn.scale) return;
    const { low, high, any } = drawn.scale, grad = data.heat.what === "grad";
    row.append(data.heat.title + (any ? "" : ": nothing measured"));
    const show = measureText[data.heat.what], count = data.heat.colors.length;
    const bound = (i) => show(grad ? low * (high / low) ** (i / count) : high * (i / count));
    const step = (color, text, title) => {
      const span = document.createElement("span");
      span.className = "step"; span.textContent = text; span.style.background = color; span.title = title;
      if (color !== "none") span.style.color = isDark(color) ? "#fff" : INK;
      row.append(span);
    };
    if (any) {
      step("none", bound(0), "the least");
      data.heat.colors.forEach((c, i) => step(c, "\u00a0\u00a0\u00a0", `${bound(i)} to ${bound(i + 1)}`));
      step("none", bound(count), "the largest");
    }
    const odd = drawn.nodes.flatMap((n) => [n, ...n.parameters]).flatMap(valuesOf);
    if (odd.some(Number.isNaN)) step(data.heat.nan, "NaN", "");
    if (odd.some((v) => Math.abs(v) === Infinity)) step(data.heat.nan, "infinite", "");
    if (grad && odd.includes(0)) step(data.heat.zero, "zero", "");
  }

  // ---- opening, closing, moving ---------------------------------------------------------------------------------------------

  function toggle(set, id) { if (!set.delete(id)) set.add(id); }

  function position(id) {
    const r = drawn.frames.find((f) => f.id === id), n = drawn.nodes.find((m) => m.id === id);
    return r ? { x: (r.x0 + r.x1) / 2, y: r.y0 + 14 } : n ? { x: n.x, y: n.y } : null;
  }

  /** Do something to the box ``id``, lay out anew, and keep the box where it was on the screen. */
  function act(id, action) {
    const before = position(id);
    action();
    draw();
    const after = position(id);
    if (before && after) { view.x += (before.x - after.x) * view.scale; view.y += (before.y - after.y) * view.scale; place(); }
  }

  function place() { svg.lastElementChild.setAttribute("transform", `translate(${view.x},${view.y}) scale(${view.scale})`); }

  const laidOut = () => svg.clientWidth > 24 && svg.clientHeight > 24;

  /** Show the whole graph. */
  function fit() {
    const b = svg.lastElementChild.getBBox(), w = svg.clientWidth, h = svg.clientHeight;
    if (!laidOut()) return;
    view.scale = Math.min(1.5, (w - 24) / b.width, (h - 24) / b.height) || 1;
    const room = (w - b.width * view.scale) / 2;
    view.x = Math.max(12, room) - b.x * view.scale;
    view.y = Math.max(12, (h - b.height * view.scale) / 2) - b.y * view.scale;
    place();
  }

  function zoom(factor, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
    const scale = Math.min(8, Math.max(0.02, view.scale * factor)), k = scale / view.scale;
    view.x = x - (x - view.x) * k; view.y = y - (y - view.y) * k; view.scale = scale;
    place();
  }

  let drag = null, moved = false;
  svg.addEventListener("wheel", (ev) => {
    ev.preventDefault();
    const r = svg.getBoundingClientRect();
    zoom(Math.exp(-ev.deltaY * (ev.deltaMode ? 0.05 : 0.0015)), ev.clientX - r.left, ev.clientY - r.top);
  }, { passive: false });
  svg.addEventListener("pointerdown", (ev) => { drag = { x: ev.clientX, y: ev.clientY }; moved = false; });
  window.addEventListener("pointermove", (ev) => {
    if (!drag) return;
    const dx = ev.clientX - drag.x, dy = ev.clientY - drag.y;
    if (!moved && Math.hypot(dx, dy) < 4) return;
    moved = true;
    svg.classList.add("dragging");
    view.x += dx; view.y += dy; drag = { x: ev.clientX, y: ev.clientY };
    place();
  }, { signal: listeners.signal });
  window.addEventListener("pointerup", () => { drag = null; svg.classList.remove("dragging"); }, { signal: listeners.signal });

  const openable = data.boxes.filter((b) => b.open && b.what !== "repeat");
  function all(depth) {
    for (const b of openable) if (b.what === "module" && b.level >= depth) closed.add(b.id); else if (b.what === "module") closed.delete(b.id);
    draw();
    fit();
  }
  const deepest = Math.max(0, ...openable.filter((b) => b.what === "module").map((b) => b.level));
  for (let d = 1; d <= deepest; d++) select.add(new Option(`depth ${d}`, d));
  select.add(new Option("all open", deepest + 1));
  select.value = String(Math.min(data.depth || deepest + 1, deepest + 1));
  select.addEventListener("change", () => all(Number(select.value)));
  fitButton.addEventListener("click", () => fit());
  inButton.addEventListener("click", () => zoom(1.3));
  outButton.addEventListener("click", () => zoom(1 / 1.3));
  draw();
  fit();
  if (!laidOut()) { // in a frame that has no size yet
    const observer = new ResizeObserver(() => {
      if (!laidOut()) return;
      observer.disconnect();
      fit();
      if (wantsReadable) readable();
    });
    observer.observe(svg);
  }
  window.addEventListener("resize", () => fit(), { signal: listeners.signal });
  return { element, svg, mark, reveal, readable, fit, destroy };
}
