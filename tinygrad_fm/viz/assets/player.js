"use strict";
// Plays a computation step by step: new Player(element, graph, steps) fills element with the graph and the controls.
//   graph, steps   what graph.data(steps=True) gives in Python; the schema of steps is in write_steps.py
//   position       how many steps are done, 0 to length: what is shown is the last of them
//   playing        whether it goes on by itself
//   go(position), forward(), back(), first(), last(), play(), pause(), destroy()
// After each change of position the element gets an event "step", whose detail is { position, step }.
class Player {
  static SPEEDS = [0.5, 1, 2, 4];
  static PAUSE = 1400; // milliseconds from step to step at speed 1
  static ICONS = { first: "M3 3h2v10H3zM13 3v10L6 8z", last: "M11 3h2v10h-2zM3 3v10l7-5z", back: "M9 3v10L3 8zM11 3h2v10h-2z", forward: "M7 3v10l6-5zM3 3h2v10H3z",
    play: "M4 2v12l10-6z", pause: "M4 3h3v10H4zM9 3h3v10H9z" };
  static NEGATIVE = [[247, 247, 245], [146, 197, 222], [33, 102, 172]]; // blue and orange, which colour-blind people tell apart
  static POSITIVE = [[247, 247, 245], [244, 177, 104], [179, 78, 6]];

  constructor(element, graph, steps) {
    Object.assign(this, { element, steps, length: steps.steps.length, position: 0, playing: false, timer: 0 });
    this.listeners = new AbortController();
    this.outputs = graph.edges.filter(([, target]) => target.startsWith("out"));
    element.classList.add("player");
    const place = this.#tag("div", {}, element);
    this.#build();
    this.view = graphView(place, { ...graph, items: graph.items.map((item) => ({ ...item, slots: this.#slotsOf(item.id) })) });
    this.view.readable();
    this.go(0);
  }

  // ---- what is known when -------------------------------------------------------------------------------------------------

  /** The values, gradients and .grad that are known at a position, {id: index of an array}, and the nodes that have had their turn. */
  #stateAt(position) {
    const state = { values: { ...this.steps.start }, gradients: {}, grads: {}, done: new Set(Object.keys(this.steps.start)) };
    for (const step of this.steps.steps.slice(0, position)) {
      for (const name of ["values", "gradients", "grads"]) Object.assign(state[name], step[name]);
      for (const id of step.nodes || []) state.done.add(id);
    }
    for (const [source, target] of this.outputs) if (state.done.has(source)) state.done.add(target);
    return state;
  }

  /** An array in a few characters: its numbers if they fit into a line, else its range. */
  #brief(index) {
    const { text, numbers } = this.steps.arrays[index];
    if (!text.includes("\n")) return text.trim().replace(/\s+/g, " ");
    const all = numbers.flat();
    return all.every((v) => typeof v === "number") ? `${Math.min(...all)} … ${Math.max(...all)}` : `${numbers.length} × ${numbers[0].length} numbers`;
  }

  /** The widest text that each line of a node will have, so that the layout holds for all steps. */
  #slotsOf(id) {
    const widest = {};
    const seen = (name, index) => {
      const text = index === undefined || index === null ? "" : this.#brief(index);
      if (text.length > (widest[name] || "").length) widest[name] = text;
    };
    seen("data", this.steps.start[id]);
    for (const step of this.steps.steps) {
      seen("data", (step.values || {})[id]);
      seen("grad", (step.gradients || {})[id]);
    }
    return widest;
  }

  // ---- controls -----------------------------------------------------------------------------------------------------------

  #tag(name, attributes, parent, text) {
    const e = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.append(e);
    return e;
  }

  #build() {
    const panel = this.#tag("section", { class: "panel", "aria-label": "step player" }, this.element);
    const controls = this.#tag("div", { class: "controls", role: "group", "aria-label": "controls" }, panel);
    const row = this.#tag("div", { class: "buttons" }, controls);
    const button = (kind, label, action) => {
      const b = this.#tag("button", { type: "button", class: kind, "aria-label": label, title: label }, row);
      b.addEventListener("click", action);
      this.#icon(b, kind);
      return b;
    };
    this.buttons = {
      first: button("first", "to the beginning (Home)", () => this.first()),
      back: button("back", "one step back (left arrow)", () => this.back()),
      play: button("play", "play (space)", () => (this.playing ? this.pause() : this.play())),
      forward: button("forward", "one step forward (right arrow)", () => this.forward()),
      last: button("last", "to the end (End)", () => this.last()),
    };
    this.speed = this.#tag("select", { "aria-label": "speed", title: "speed" }, row);
    for (const s of Player.SPEEDS) this.speed.add(new Option(`${s} ×`, s, s === 1, s === 1));
    this.count = this.#tag("span", { class: "count" }, row);
    const strip = this.#tag("div", { class: "strip", "aria-hidden": "true" }, controls);
    strip.style.background = this.#stripOf();
    this.slider = this.#tag("input", { type: "range", min: 0, max: this.length, step: 1, value: 0, "aria-label": "step" }, controls);
    this.slider.addEventListener("input", () => { this.pause(); this.go(Number(this.slider.value)); });
    this.told = this.#tag("div", { class: "told", tabindex: 0, "aria-label": "what happens in this step" }, panel);
    this.words = this.#tag("div", { "aria-live": "polite", "aria-atomic": "true" }, this.told);
    this.figures = this.#tag("div", {}, this.told);
    document.addEventListener("keydown", (ev) => this.#key(ev), { signal: this.listeners.signal });
  }

  /** The sign on a button, drawn, as not every font has it. */
  #icon(button, kind) {
    const path = Player.ICONS[kind], svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    svg.firstChild.setAttribute("d", path);
    button.replaceChildren(svg);
  }

  /** The phases along the slider, as a background. */
  #stripOf() {
    const parts = this.steps.steps.map(({ phase }, i) =>
      `var(--${phase}) ${(i / this.length) * 100}%, var(--${phase}) ${((i + 1) / this.length) * 100}%`);
    return `linear-gradient(to right, ${parts.join(", ")})`;
  }

  #key(ev) {
    const at = ev.target;
    if (ev.defaultPrevented || ev.ctrlKey || ev.altKey || ev.metaKey) return;
    if (at !== document.body && !this.element.contains(at)) return;
    if (at.closest("select, textarea, [contenteditable]") || (at.closest("button, .click") && ev.key === " ")) return;
    const action = { " ": () => (this.playing ? this.pause() : this.play()), ArrowRight: () => this.forward(), ArrowLeft: () => this.back(),
      Home: () => this.first(), End: () => this.last() }[ev.key];
    if (!action) return;
    ev.preventDefault();
    action();
  }

  // ---- moving -------------------------------------------------------------------------------------------------------------

  first() { this.pause(); this.go(0); }
  last() { this.pause(); this.go(this.length); }
  back() { this.pause(); this.go(this.position - 1); }
  forward() { this.pause(); this.go(this.position + 1); }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.go(this.position === this.length ? 0 : this.position + 1);
    this.#next();
  }

  #next() {
    this.timer = setTimeout(() => {
      if (this.position === this.length) return this.pause();
      this.go(this.position + 1);
      this.#next();
    }, Player.PAUSE / Number(this.speed.value));
  }

  pause() {
    clearTimeout(this.timer);
    if (!this.playing) return;
    this.playing = false;
    this.#show();
  }

  go(position) {
    this.position = Math.min(this.length, Math.max(0, position));
    this.#show();
    const step = this.steps.steps[this.position - 1] || null;
    this.element.dispatchEvent(new CustomEvent("step", { detail: { position: this.position, step } }));
  }

  destroy() {
    this.pause();
    this.listeners.abort();
    this.view.destroy();
    this.element.replaceChildren();
    this.element.classList.remove("player");
  }

  // ---- showing ------------------------------------------------------------------------------------------------------------

  #show() {
    const step = this.steps.steps[this.position - 1], state = this.#stateAt(this.position);
    const { first, back, play, forward, last } = this.buttons;
    for (const b of [first, back]) b.setAttribute("aria-disabled", this.position === 0); // not disabled: that would lose the focus
    for (const b of [forward, last]) b.setAttribute("aria-disabled", this.position === this.length);
    this.#icon(play, this.playing ? "pause" : "play");
    const label = this.playing ? "pause (space)" : "play (space)";
    play.setAttribute("aria-label", label);
    play.title = label;
    this.slider.value = this.position;
    this.slider.setAttribute("aria-valuetext", step ? `step ${this.position} of ${this.length}: ${step.phase}, ${step.title}` : "before the first step");
    this.count.textContent = `${this.position} / ${this.length}`;
    this.words.setAttribute("aria-live", this.playing ? "off" : "polite"); // read out while one steps, not while it plays
    this.#tell(step);
    this.#showArrays(step, state);
    this.#markGraph(step, state);
  }

  #tell(step) {
    this.words.replaceChildren();
    if (!step) {
      this.#tag("h2", {}, this.words, "Before the first step");
      const count = (phase) => this.steps.steps.filter((s) => s.phase === phase).length;
      const list = this.#tag("ul", { class: "words" }, this.words);
      const parts = ["forward", "backward", "update"].filter(count).map((phase) => `${count(phase)} ${phase}`);
      for (const text of [`${this.length} steps: ${parts.join(", ")}.`, "Space plays and pauses, the arrow keys step, Home and End go to the ends.", ...this.steps.notes]) {
        this.#tag("li", {}, list, text);
      }
      return;
    }
    this.#tag("span", { class: `phase ${step.phase}` }, this.words, { forward: "forward →", backward: "← backward", update: "update" }[step.phase]);
    this.#tag("h2", {}, this.words, step.title);
    const list = this.#tag("ul", { class: "words" }, this.words);
    for (const text of step.say || []) this.#tag("li", {}, list, text);
    if (step.line) this.#tag("p", { class: "where" }, this.words, step.line);
  }

  #markGraph(step, state) {
    const texts = {};
    for (const [name, known] of [["data", state.values], ["grad", state.gradients]]) {
      for (const [id, index] of Object.entries(known)) (texts[id] = texts[id] || {})[name] = this.#brief(index);
    }
    const ids = (name) => (step && step[name]) || [];
    const gives = ids("gives").map(([id]) => id), lit = ids("nodes");
    this.view.mark({ phase: step ? step.phase : "", lit, reads: ids("reads"), gives, waiting: ids("waiting"), done: [...state.done], texts });
    const first = this.steps.steps[0] || {};
    const seen = lit[0] || (first.reads || first.nodes || [])[0];
    if (seen) this.view.reveal(seen);
  }

  #showArrays(step, state) {
    this.figures.replaceChildren();
    if (!step) return;
    const name = (id) => this.steps.names[id] || id;
    const nodes = (step.nodes || []).slice(0, 4);
    for (const id of step.phase === "forward" ? (step.reads || []).slice(0, 3) : []) this.#figure(`reads ${name(id)}`, state.values[id]);
    for (const id of nodes) {
      this.#figure(step.phase === "backward" ? `value of ${name(id)}` : name(id), state.values[id]);
      if (step.phase !== "backward") continue;
      this.#figure(`gradient that arrived at ${name(id)}`, state.gradients[id]);
      this.#figure(`.grad of ${name(id)}`, state.grads[id]);
    }
  }

  #figure(title, index) {
    if (index === undefined || index === null) return;
    const array = this.steps.arrays[index], figure = this.#tag("figure", {}, this.figures);
    const caption = this.#tag("figcaption", {}, figure);
    this.#tag("b", {}, caption, title);
    const shape = `(${array.shape.join(", ")}${array.shape.length === 1 ? "," : ""})`;
    this.#tag("span", {}, caption, ` ${shape} ${array.dtype}${array.numbers ? "" : ` · ${array.text}`}${array.cut ? ` · shown: ${array.cut}` : ""}`);
    if (array.numbers) this.#numbers(figure, array.numbers);
    else if (array.heat.length) this.#heat(figure, array, title);
  }

  #numbers(figure, rows) {
    if (rows.length === 1 && rows[0].length === 1) return this.#tag("div", { class: "single" }, figure, String(rows[0][0]));
    const table = this.#tag("table", {}, this.#tag("div", { class: "numbers" }, figure));
    for (const row of rows) {
      const line = this.#tag("tr", {}, table);
      for (const value of row) this.#tag("td", {}, line, String(value));
    }
    return table;
  }

  static colorOf(percent) {
    if (percent === null) return [0, 0, 0];
    const ramp = percent < 0 ? Player.NEGATIVE : Player.POSITIVE, at = (Math.abs(percent) / 100) * 2, low = Math.min(1, Math.floor(at));
    return ramp[low].map((v, i) => Math.round(v + (ramp[low + 1][i] - v) * (at - low)));
  }

  #heat(figure, array, title) {
    const place = this.#tag("div", { class: "heat", role: "img", "aria-label": `${title}: ${array.text}` }, figure);
    const columns = array.heat[0][0].length, across = array.heat.length > 1 ? 2 : 1;
    const size = Math.max(2, Math.min(14, Math.floor(320 / across / Math.max(1, columns)), array.heat.length > 4 ? Math.floor(72 / columns) : 14));
    for (const tile of array.heat) {
      const canvas = this.#tag("canvas", { width: columns, height: tile.length }, place), pen = canvas.getContext("2d");
      canvas.style.width = `${columns * size}px`;
      canvas.style.height = `${tile.length * size}px`;
      const pixels = pen.createImageData(columns, tile.length);
      tile.flat().forEach((percent, i) => pixels.data.set([...Player.colorOf(percent), 255], 4 * i));
      pen.putImageData(pixels, 0, 0);
    }
    if (!array.largest) return;
    const ramp = this.#tag("div", { class: "ramp", "aria-hidden": "true" }, figure);
    this.#tag("span", {}, ramp, `−${array.largest}`);
    const colors = [-100, -50, 0, 50, 100].map((p) => `rgb(${Player.colorOf(p).join(" ")})`);
    this.#tag("i", {}, ramp).style.background = `linear-gradient(to right, ${colors.join(", ")})`;
    this.#tag("span", {}, ramp, `+${array.largest}${array.heat.flat(2).includes(null) ? ", black: not finite" : ""}`);
  }
}
