import { resolve } from "node:path";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";
import icons from "./static/build/icons.mjs";

const root = import.meta.dirname;

export default defineConfig({
  base: "./",
  publicDir: resolve(root, "static/public"),
  plugins: [
    tailwindcss(),
    icons({
      list: resolve(root, "static/icons.txt"),
      outline: resolve(root, "node_modules/@tabler/icons/tabler-nodes-outline.json"),
    }),
  ],
  build: {
    outDir: resolve(root, "static/dist"),
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    // The content security policy allows no data: fonts or scripts.
    assetsInlineLimit: 0,
    // Every browser we support preloads modules by itself.
    modulePreload: { polyfill: false },
    // ECharts alone, loaded only by pages with a chart.
    chunkSizeWarningLimit: 700,
    rollupOptions: {
      onwarn(warning, warn) {
        // htmx holds an eval for hx-on and friends; allowEval:false in the page and the policy keep it shut.
        if (warning.code === "EVAL" && warning.id?.includes("htmx.org")) return;
        warn(warning);
      },
      input: {
        main: resolve(root, "static/src/main.js"),
        app: resolve(root, "static/src/app.css"),
      },
    },
  },
});
