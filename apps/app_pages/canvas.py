"""A canvas to draw on, with the mouse, a finger, a pen or the keyboard; it gives what was drawn as a PNG."""

from __future__ import annotations

from typing import Any

import streamlit as st

SIZE = 280

_HTML = f"""
<div class="tools" role="group" aria-label="Drawing tools">
  <label>Brush <input type="range" class="width" min="4" max="60" value="24" aria-label="Width of the brush"></label>
  <label>Shade <input type="range" class="shade" min="0" max="200" value="60"
    aria-label="Shade, from black to light grey"></label>
  <label><input type="checkbox" class="rubber"> Rubber</label>
  <button type="button" class="undo">Undo</button>
  <button type="button" class="clear">Clear</button>
</div>
<canvas width="{SIZE}" height="{SIZE}" tabindex="0" role="application" aria-describedby="keys"
  aria-label="Canvas to draw a garment on"></canvas>
<p id="keys">With the keyboard: arrow keys move the pen, Space puts it down and lifts it, Backspace undoes.</p>
<p class="said" aria-live="polite"></p>
"""

_CSS = """
:host, div { color: var(--st-text-color); font-family: var(--st-font); }
.tools { display: flex; flex-wrap: wrap; gap: 0.4rem 1rem; align-items: center; margin-bottom: 0.5rem; }
label { display: inline-flex; gap: 0.4rem; align-items: center; font-size: 0.875rem; }
input[type=range] { width: 6rem; accent-color: var(--st-primary-color); }
button { font: inherit; font-size: 0.875rem; color: inherit; background: transparent; padding: 0.25rem 0.75rem; cursor: pointer;
  border: 1px solid var(--st-border-color, #8888); border-radius: 0.5rem; }
button:hover { border-color: var(--st-primary-color); }
canvas { display: block; width: 280px; max-width: 100%; aspect-ratio: 1; background: #fff; border-radius: 4px;
  border: 1px solid var(--st-border-color, #8888); touch-action: none; cursor: crosshair; }
:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
p { font-size: 0.875rem; margin: 0.25rem 0; opacity: 0.85; }
"""

_JS = """
const begun = new WeakMap()

export default function ({ parentElement, setStateValue }) {
  const find = (name) => parentElement.querySelector(name)
  const canvas = find("canvas")
  if (begun.has(canvas)) { begun.get(canvas).give = setStateValue; return }
  const it = { give: setStateValue, pen: null, down: false, at: [140, 140], past: [] }
  begun.set(canvas, it)
  const draw = canvas.getContext("2d", { willReadFrequently: true })
  const blank = () => { draw.fillStyle = "#fff"; draw.fillRect(0, 0, canvas.width, canvas.height) }
  blank()

  const keep = () => {
    it.past.push(draw.getImageData(0, 0, canvas.width, canvas.height))
    if (it.past.length > 20) it.past.shift()
  }
  const give = () => it.give("image", canvas.toDataURL("image/png"))
  const line = (from, to) => {
    const shade = find(".shade").value
    draw.strokeStyle = find(".rubber").checked ? "#fff" : `rgb(${shade}, ${shade}, ${shade})`
    draw.lineWidth = find(".width").value
    draw.lineCap = draw.lineJoin = "round"
    draw.beginPath(); draw.moveTo(...from); draw.lineTo(...to); draw.stroke()
  }
  const place = (event) => {
    const box = canvas.getBoundingClientRect()
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height]
  }
  canvas.onpointerdown = (event) => {
    if (event.button) return
    canvas.setPointerCapture(event.pointerId)
    keep(); it.pen = place(event); line(it.pen, it.pen)
  }
  canvas.onpointermove = (event) => {
    if (!it.pen) return
    for (const part of event.getCoalescedEvents?.() ?? [event]) { const to = place(part); line(it.pen, to); it.pen = to }
  }
  canvas.onpointerup = canvas.onpointercancel = () => { if (it.pen) { it.pen = null; give() } }

  const say = (text) => { find(".said").textContent = text }
  const undo = () => { const last = it.past.pop(); if (last) { draw.putImageData(last, 0, 0); give() } }
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    if (step) {
      const far = event.shiftKey ? 2 : 10
      const to = it.at.map((value, i) => Math.min(canvas.width, Math.max(0, value + far * step[i])))
      if (it.down) line(it.at, to)
      it.at = to
      say(`pen ${it.down ? "down" : "up"} at ${it.at[0]}, ${it.at[1]}`)
    } else if (event.key === " ") {
      it.down = !it.down
      if (it.down) { keep(); line(it.at, it.at) } else give()
      say(`pen ${it.down ? "down" : "up"} at ${it.at[0]}, ${it.at[1]}`)
    } else if (event.key === "Backspace") undo()
    else return
    event.preventDefault()
  }
  canvas.onblur = () => { if (it.down) { it.down = false; give() } }
  find(".undo").onclick = undo
  find(".clear").onclick = () => { keep(); blank(); give() }
}
"""

_mount = st.components.v2.component("tinygrad_fm.canvas", html=_HTML, css=_CSS, js=_JS)


def canvas(key: str) -> Any:
    """Show it. What was drawn so far as a data URL, from the browser; None or "" if nothing was."""
    return _mount(key=key, default={"image": ""}, on_image_change=lambda: None).image
