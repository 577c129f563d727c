import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const collector = process.env.ML_COLLECTOR ?? "http://127.0.0.1:8091";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { port: 5173, proxy: { "/api": { target: collector } } },
  build: {
    target: "es2022",
    // The policy of the collector allows no `data:` scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The chart library, which is loaded with the first chart.
    chunkSizeWarningLimit: 600,
    // One file of pictures, rather than one for each of a hundred.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "icons", test: /lucide-react/ }] } } },
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
