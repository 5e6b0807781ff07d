// The worker in which Python runs, so that the page stays alive whatever the program does.
// It is told {kind: "start", settings, interrupts} once and then {kind: "run", code} as often as wanted; it posts
// progress, ready, output, show, done and failed.

let runProgram = null, interrupts = null;

self.onmessage = async ({ data }) => {
  try {
    if (data.kind === "start") await start(data.settings, data.interrupts);
    else run(data.code);
  } catch (error) {
    postMessage({ kind: "failed", text: String((error && error.message) || error) });
  }
};

/** Fetch as it always did, but with the check sums that settings.json has, and counting what has come. */
function watchFetches(settings) {
  const plain = self.fetch.bind(self), total = settings.files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  const came = (bytes) => { done += bytes; postMessage({ kind: "progress", text: "Loading", done: Math.min(done, total), total }); };
  const counted = (body) => body.pipeThrough(new TransformStream({
    transform(chunk, controller) { came(chunk.byteLength); controller.enqueue(chunk); },
  }));
  self.fetch = async (address, options = {}) => {
    const url = new URL(address instanceof Request ? address.url : address, self.location.href).href;
    const file = settings.files.find((f) => f.url === url);
    if (!file) return plain(address, options);
    const response = await plain(url, { ...options, integrity: file.integrity }).catch((error) => {
      throw new Error(`${url} cannot be reached, or is not the file that it should be (${error.message})`);
    });
    if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
    if (url.endsWith(".wasm")) { came(file.bytes); return response; } // as it came, so that the browser keeps what it compiled
    return new Response(counted(response.body), { headers: response.headers });
  };
}

/** Import a script whose check sum has been seen to be right. */
async function importChecked(address) {
  const script = new Blob([await (await fetch(address)).arrayBuffer()], { type: "text/javascript" });
  const url = URL.createObjectURL(script);
  try { return await import(url); } finally { URL.revokeObjectURL(url); }
}

async function start(settings, buffer) {
  const resolve = (address) => new URL(address, self.location.href).href;
  settings.files.forEach((file) => { file.url = resolve(file.url); });
  const base = resolve(settings.pyodide);
  watchFetches(settings);
  const bytes = async (address) => (await fetch(resolve(address))).arrayBuffer();
  const parts = [bytes(settings.numpy), bytes(settings.wheel), fetch(resolve("program.py")).then((r) => r.text())];
  Promise.all(parts).catch(() => {}); // it is awaited below; until then nobody calls it unhandled
  const [{ loadPyodide }] = await Promise.all([importChecked(`${base}pyodide.mjs`), importChecked(`${base}pyodide.asm.js`)]);
  const pyodide = await loadPyodide({ indexURL: base, env: { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1" } });
  const [numpy, wheel, program] = await Promise.all(parts);
  postMessage({ kind: "progress", text: "Unpacking NumPy" });
  const extractDir = pyodide.runPython("import site; site.getsitepackages()[0]"); // the user's folder stays empty
  pyodide.unpackArchive(numpy, "wheel", { extractDir });
  pyodide.unpackArchive(wheel, "wheel", { extractDir });
  postMessage({ kind: "progress", text: "Starting NumPy" });
  pyodide.runPython("import numpy");
  postMessage({ kind: "progress", text: "Starting tinygrad_fm" });
  pyodide.runPython("import tinygrad_fm, tinygrad_fm.viz.live");
  pyodide.FS.writeFile(`${extractDir}/program_runner.py`, program);
  runProgram = pyodide.pyimport("program_runner").run;
  if (buffer) {
    interrupts = new Uint8Array(buffer);
    pyodide.setInterruptBuffer(interrupts);
  }
  const version = pyodide.runPython("import tinygrad_fm; tinygrad_fm.__version__");
  postMessage({ kind: "ready", version });
}

function run(code) {
  if (interrupts) interrupts[0] = 0;
  runProgram(code, (message) => postMessage(JSON.parse(message)));
  if (interrupts) interrupts[0] = 0;
}
