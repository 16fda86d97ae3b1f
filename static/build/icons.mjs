// Vite plugin: takes the icons named in static/icons.txt out of @tabler/icons and writes their
// shapes to icons.json beside the manifest, where the template tag `icon` reads them.
import { readFileSync } from "node:fs";

export function wantedIcons(listFile) {
  return readFileSync(listFile, "utf8").split("\n").map((line) => line.trim()).filter(Boolean);
}

function shapes(nodes) {
  return nodes
    .map(([tag, attributes]) => {
      const pairs = Object.entries(attributes).map(([key, value]) => `${key}="${value}"`);
      return `<${tag} ${pairs.join(" ")}/>`;
    })
    .join("");
}

export default function icons({ list, outline: outlineFile }) {
  return {
    name: "tandem-icons",
    buildStart() {
      this.addWatchFile(list);
    },
    generateBundle() {
      const outline = JSON.parse(readFileSync(outlineFile, "utf8"));
      const set = {};
      for (const name of wantedIcons(list)) {
        if (!outline[name]) this.error(`${list}: @tabler/icons has no outline icon "${name}"`);
        set[name] = shapes(outline[name]);
      }
      this.emitFile({ type: "asset", fileName: "icons.json", source: JSON.stringify(set) });
    },
  };
}
