// Runs a Python program in Pyodide: the packages of a folder, and the program with its globals on standard input.
import fs from "node:fs";
import { loadPyodide } from "pyodide";

const { folder, code, values } = JSON.parse(fs.readFileSync(0, "utf8"));
const pyodide = await loadPyodide();
pyodide.FS.mkdir("/packages");
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: folder }, "/packages");
pyodide.runPython("import sys; sys.path.insert(0, '/packages')");
for (const [name, value] of Object.entries(values)) pyodide.globals.set(name, value);
try {
  await pyodide.runPythonAsync(code);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
process.exit(0); // a timer of a retry would keep the process
