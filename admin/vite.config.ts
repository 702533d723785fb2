import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** What no page is without, in one file that changes only with the libraries. */
const LIBRARIES = /node_modules\/(react|react-dom|scheduler|react-router|@tanstack)\//;

export default defineConfig({
  base: "/dashboard/",
  plugins: [react(), tailwindcss()],
  build: {
    outDir: "csai_dashboard/static",
    emptyOutDir: true,
    manifest: "built.json",
    // Files of their own only: the page's policy allows no `data:` script or style.
    assetsInlineLimit: 0,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "libraries", test: LIBRARIES }] } } },
  },
  server: { proxy: { "/admin": "http://127.0.0.1:8000", "/widget": "http://127.0.0.1:8000" } },
});
