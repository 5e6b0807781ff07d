// The page: the editor and its examples, the buttons, and where what comes from Python goes.
import { Charts } from "./charts.js";
import { Editor } from "./editor.js";
import { Output } from "./output.js";
import { Graphs, Pictures } from "./pictures.js";
import { Python } from "./python.js";

const EXAMPLES = {
  scalar: "A scalar expression",
  neuron: "A neuron",
  points: "An MLP on points, with its decision boundary",
  lenet: "LeNet on drawn garments",
  own: "Your own program",
};
const KEPT = "tinygrad_fm.try.own"; // where the browser keeps the user's own program
const $ = (id) => document.getElementById(id);
const texts = new Map(), edited = new Map(); // of the examples: as they came, and as they were left
let chosen = null, wanted = null, python = null, ran = "";

const output = new Output($("output")), charts = new Charts($("charts")), pictures = new Pictures($("pictures")), graphs = new Graphs($("graphs"));
const editor = new Editor($("editor"), { onRun: run, onChange: changed });

// ---- examples -----------------------------------------------------------------------------------------------------------

async function textOf(name) {
  if (!texts.has(name)) {
    const response = await fetch(`examples/${name}.py`);
    if (!response.ok) throw new Error(`the example could not be loaded: ${response.status}`);
    texts.set(name, await response.text());
  }
  return texts.get(name);
}

function kept() {
  try { return localStorage.getItem(KEPT); } catch { return null; } // storage may be forbidden
}

function changed(text) {
  edited.set(chosen, text);
  $("restore").hidden = text === texts.get(chosen);
  if (chosen === "own") try { localStorage.setItem(KEPT, text); } catch { /* then it is not kept */ }
}

async function choose(name) {
  try {
    wanted = name;
    enableButtons();
    const original = texts.get(name) ?? await textOf(name);
    if (wanted !== name) return; // another was chosen meanwhile
    chosen = name;
    enableButtons();
    $("example").value = name;
    const text = edited.get(name) ?? (name === "own" ? kept() : null) ?? original;
    editor.text = text;
    $("restore").hidden = text === original;
    $("notice").hidden = name !== "link";
  } catch (error) {
    wanted = chosen;
    if (chosen) $("example").value = chosen;
    enableButtons();
    say(error.message, true);
  }
}

/** What the address asks for: #code=…, #example=…, or nothing. A program from a link waits for the reader to run it. */
async function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  const code = asked.get("code");
  if (code !== null) {
    texts.set("link", code);
    edited.delete("link");
    if (!$("example").querySelector("[value=link]")) $("example").add(new Option("The program of the link", "link"), 0);
    $("notice").textContent = "This program came with the link that you followed. Read it; press Run if you want it to run.";
    await choose("link");
  } else await choose(Object.hasOwn(EXAMPLES, asked.get("example")) ? asked.get("example") : chosen || "scalar");
}

async function copyLink() {
  const address = `${location.origin}${location.pathname}#code=${encodeURIComponent(editor.text)}`;
  try {
    await navigator.clipboard.writeText(address);
    say("The link to this program is copied");
  } catch {
    history.replaceState(null, "", address); // not by location.hash: that would open it as a link that was followed
    say("The link to this program is in the address bar");
  }
}

// ---- running ------------------------------------------------------------------------------------------------------------

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

async function run() {
  if (chosen === null || chosen !== wanted) return; // its text is not here yet
  if (!python) await begin();
  if (!python || ["running", "stopping"].includes(python.state)) return;
  for (const part of [output, charts, pictures, graphs]) part.clear();
  editor.unmark();
  $("nothing").hidden = false;
  ran = editor.text;
  python.run(ran);
}

const WORDS = {
  loading: "Loading Python", waiting: "Loading Python; then your program runs", ready: "Ready", running: "Running", stopping: "Stopping",
};
const WHY = {
  stopped: "Stopped. Python starts anew", memory: "Out of memory. Python starts anew", failed: "Python ended. It starts anew",
};
let restarted = false;

function enableButtons() {
  const busy = ["running", "stopping", "waiting"].includes(document.body.dataset.state);
  $("run").disabled = busy || chosen === null || chosen !== wanted;
  $("stop").disabled = !busy;
}

function state(name, detail) {
  document.body.dataset.state = name;
  enableButtons();
  $("progress").hidden = name !== "loading" && name !== "waiting";
  if (name === "loading") restarted = typeof detail === "string";
  if (name === "failed") say(`Python could not be loaded: ${detail}. Run tries again.`, true);
  else if (name === "loading" && restarted) say(WHY[detail], detail !== "stopped");
  else if (name === "ready" && detail) ended(detail);
  else if (name === "ready" && restarted) say("Ready again");
  else say(WORDS[name]);
}

function ended({ seconds, stopped, error }) {
  const time = seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`;
  if (stopped) say(`Stopped after ${time}`);
  else if (error) say(error.line ? `Error in line ${error.line}` : "Error", true);
  else say(`Done in ${time}`);
}

function progress({ text, done, total }) {
  const bar = $("progress");
  if (total) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
  const amount = total ? ` ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB` : "";
  const then = python && python.waiting !== undefined ? "; then your program runs" : "";
  if (!restarted) say(`${text}${amount}${then}`);
}

function message(data) {
  if (data.kind === "output") {
    output.leaveOut(data.dropped);
    for (const [stream, text] of data.parts) output.add(text, stream);
    if (data.points.length) charts.add(data.points);
    for (const [name, picture] of data.pictures) if (name === "graph") showGraph(picture); else pictures.show(name, picture);
  } else if (data.kind === "done" && data.error) showError(data.error);
}

function showGraph(picture) {
  $("nothing").hidden = true;
  graphs.show(picture);
}

function showError(error) {
  output.add(`${error.text}\n`, "error");
  if (error.line && editor.text === ran) editor.mark(error.line, error.text.split("\n").at(-1));
}

const on = { state, progress, message, failed: (text) => output.add(`Python ended: ${text}\n`, "error") };

// ---- beginning ------------------------------------------------------------------------------------------------------------

for (const [name, title] of Object.entries(EXAMPLES)) $("example").add(new Option(title, name));
$("example").addEventListener("change", () => choose($("example").value));
$("run").addEventListener("click", run);
$("stop").addEventListener("click", () => python.stop());
$("restore").addEventListener("click", () => { editor.text = texts.get(chosen); changed(editor.text); });
$("link").addEventListener("click", copyLink);
window.addEventListener("hashchange", fromAddress);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) { event.preventDefault(); run(); }
});

let beginning = null;

/** Start Python, once: who asks while it is under way waits with the others. */
function begin() {
  beginning ??= load().finally(() => { beginning = null; });
  return beginning;
}

async function load() {
  try {
    const response = await fetch("settings.json");
    if (!response.ok) throw new Error("settings.json is missing: `python -m apps try` serves the complete page");
    const settings = await response.json();
    document.body.dataset.isolated = String(self.crossOriginIsolated);
    python = new Python(settings, on);
  } catch (error) {
    state("failed", error.message);
  }
}
begin();
fromAddress().then(() => Promise.all(Object.keys(EXAMPLES).map(textOf))).catch(() => {}); // said when one is chosen
