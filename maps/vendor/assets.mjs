// Copies the served files out of node_modules into assets/, one folder per package, with their licences.
// The folder is filled inside node_modules and moved there, so that a broken-off run leaves the old one whole.
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// The full-screen control's plain file is an ES module; its UMD build is the one a script tag can load.
const FILES = {
  "leaflet": {
    "dist/leaflet.js": "leaflet.js",
    "dist/leaflet.css": "leaflet.css",
    "dist/images": "images",
    "LICENSE": "LICENSE",
  },
  "leaflet.fullscreen": {
    "dist/Control.FullScreen.umd.js": "Control.FullScreen.js",
    "dist/Control.FullScreen.css": "Control.FullScreen.css",
    "LICENSE.md": "LICENSE",
  },
};

const here = dirname(fileURLToPath(import.meta.url));
const draft = join(here, "node_modules", ".assets");
const target = join(here, "assets");
const versions = {};

rmSync(draft, { recursive: true, force: true });
for (const [name, files] of Object.entries(FILES)) {
  const source = join(here, "node_modules", name);
  versions[name] = JSON.parse(readFileSync(join(source, "package.json"), "utf8")).version;
  for (const [from, to] of Object.entries(files)) {
    cpSync(join(source, from), join(draft, name, to), { recursive: true });
  }
}
writeFileSync(join(draft, "versions.json"), JSON.stringify(versions, null, 2) + "\n");
rmSync(target, { recursive: true, force: true });
renameSync(draft, target);
