// Run pytest in Pyodide under Node: node run.mjs ARCHIVE WHEELS [ARGUMENT OF PYTEST ...]
//
// ARCHIVE holds the project without the package, WHEELS is a folder with our wheel and pure ones. PYODIDE_DIR names the folder of
// the npm package pyodide, PYODIDE_WHEELS one with the wheels that Pyodide's lock file lists; what is missing there is downloaded
// into it from the address that Pyodide has for it. With no arguments that is all that is done.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

process.on("uncaughtException", (error) => {
  console.error(error.stack); // without the line of source that Node prints: it is Pyodide's whole program
  process.exit(1);
});

const { PYODIDE_DIR, PYODIDE_WHEELS } = process.env;
if (!PYODIDE_DIR || !PYODIDE_WHEELS) {
  throw new Error("PYODIDE_DIR and PYODIDE_WHEELS must name the folders of the npm package pyodide and of NumPy's wheel for it");
}
const [archive, wheels, ...args] = process.argv.slice(2);

const { loadPyodide } = await import(pathToFileURL(join(PYODIDE_DIR, "pyodide.mjs")));
const pyodide = await loadPyodide({ indexURL: PYODIDE_DIR, packageCacheDir: PYODIDE_WHEELS });
const loaded = await pyodide.loadPackage("numpy");
if (!loaded.length) throw new Error(`NumPy's wheel is not in ${PYODIDE_WHEELS}, and could not be downloaded`);

if (archive) {
  const site = pyodide.runPython("import site; site.getsitepackages()[0]");
  const unpack = (file, format, extractDir) => pyodide.unpackArchive(new Uint8Array(readFileSync(file)), format, { extractDir });
  for (const name of readdirSync(wheels)) unpack(join(wheels, name), "wheel", site);
  unpack(archive, "zip", "/project");
  pyodide.FS.chdir("/project");
  process.exitCode = Number(pyodide.pyimport("pytest").main(pyodide.toPy(args)));
}
