import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const collector = process.env.ML_COLLECTOR ?? "http://127.0.0.1:8091";

/** The pages that a day begins with: what their addresses begin with, and where they are. */
const OPENED = { "/": "overview/page.tsx", "/alerts": "alerts/inbox.tsx", "/alerts/": "alerts/detail.tsx", "/hunt": "hunt/page.tsx" };

/** Tells `early.js` which files the page of an address consists of, so that they come beside the program, not behind it. */
function filesOfPages(): Plugin {
  return {
    name: "files-of-pages",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle, chunk: entry }) {
        if (!bundle || !entry) return html;
        const chunks = new Map(Object.values(bundle).flatMap((one) => (one.type === "chunk" ? [[one.fileName, one] as const] : [])));
        const known = new Set([entry.fileName, ...entry.imports]);
        const needed = (name: string, found = new Set<string>()): Set<string> => {
          const chunk = chunks.get(name);
          if (!chunk || known.has(name) || found.has(name)) return found;
          found.add(name);
          for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
          for (const other of chunk.imports) needed(other, found);
          return found;
        };
        const pages = Object.entries(OPENED).map(([address, file]) => {
          const page = [...chunks.values()].find(({ facadeModuleId }) => facadeModuleId?.endsWith(`/features/${file}`));
          if (!page) throw new Error(`no chunk is ${file}`);
          return [address, [...needed(page.fileName)]];
        });
        return [{ tag: "meta", attrs: { name: "pages", content: JSON.stringify(Object.fromEntries(pages)) }, injectTo: "head-prepend" as const }];
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), filesOfPages()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { port: 5173, proxy: { "/api": { target: collector } } },
  build: {
    target: "es2022",
    // The policy of the collector allows no `data:` scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The chart library, which is loaded with the first chart.
    chunkSizeWarningLimit: 600,
    // Few files: on an old machine a file costs more than the bytes in it. One of pictures; one of all else that every page
    // begins with; and one of the parts that most pages have in common, rather than ten of a page each.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "icons", test: /lucide-react/, priority: 3 },
            { name: "first", tags: ["$initial"], priority: 2 },
            { name: "parts", test: /\/src\/(ui|lib)\/|@tanstack/, minShareCount: 5, maxModuleSize: 40_000, includeDependenciesRecursively: false, priority: 1 },
          ],
        },
      },
    },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/app/test-setup.ts"],
    css: false,
    // Nothing is measured here: a busy machine is not a fault.
    testTimeout: 60_000,
  },
});
