// Python in its worker: started, given programs, and stopped.
// With shared memory (the page is cross-origin isolated) Stop is a KeyboardInterrupt in the program, and Python goes on; without it,
// and for a program that does not heed it, the worker is ended and a new one started.

const PATIENCE = 2000; // milliseconds in which an interrupted program must have ended

export class Python {
  /** `on` has the functions state(name), progress(message), message(message) and failed(text). */
  constructor(settings, on) {
    this.settings = settings;
    this.on = on;
    this.start();
  }

  get canInterrupt() { return Boolean(this.interrupts); }

  become(state, detail) {
    this.state = state;
    this.on.state(state, detail);
  }

  start() {
    this.interrupts = self.crossOriginIsolated ? new Uint8Array(new SharedArrayBuffer(1)) : null;
    const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker = worker;
    worker.onmessage = ({ data }) => { if (worker === this.worker) this.receive(data); };
    worker.onerror = (event) => {
      event.preventDefault();
      if (worker === this.worker) this.receive({ kind: "failed", text: event.message || "the worker could not be started" });
    };
    worker.postMessage({ kind: "start", settings: this.settings, interrupts: this.interrupts && this.interrupts.buffer });
    this.become("loading");
  }

  receive(message) {
    if (message.kind === "progress") this.on.progress(message);
    else if (message.kind === "ready") {
      this.become("ready");
      if (this.waiting !== undefined) this.run(this.waiting);
    } else if (message.kind === "failed") this.fail(message.text);
    else {
      this.on.message(message);
      if (message.kind === "done") this.finish(message);
    }
  }

  finish(message) {
    clearTimeout(this.timer);
    if (message.error && message.error.type === "MemoryError") this.restart("memory"); // what it took cannot be given back
    else this.become("ready", message);
  }

  fail(text) {
    const during = this.state;
    this.worker.terminate();
    clearTimeout(this.timer);
    this.waiting = undefined;
    if (during === "running" || during === "stopping") {
      this.on.failed(text);
      this.restart("failed");
    } else this.become("failed", text);
  }

  /** Run a program: at once, or as soon as Python has been loaded. */
  run(code) {
    if (this.state === "failed") this.start();
    if (this.state === "loading") {
      this.waiting = code;
      this.on.state("waiting");
      return;
    }
    if (this.state !== "ready") return;
    this.waiting = undefined;
    this.become("running");
    this.worker.postMessage({ kind: "run", code });
  }

  stop() {
    if (this.waiting !== undefined) {
      this.waiting = undefined;
      this.on.state("loading");
    } else if (this.state === "running" && this.canInterrupt) {
      this.become("stopping");
      Atomics.store(this.interrupts, 0, 2); // SIGINT
      this.timer = setTimeout(() => this.restart("stopped"), PATIENCE);
    } else if (this.state === "running" || this.state === "stopping") this.restart("stopped");
  }

  restart(why) {
    clearTimeout(this.timer);
    this.worker.terminate();
    this.start();
    this.on.state("loading", why);
  }
}
