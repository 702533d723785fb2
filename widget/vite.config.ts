import { defineConfig } from "vite";

export default defineConfig({
  build: {
    lib: { entry: "src/main.ts", formats: ["iife"], name: "csaiWidget", fileName: () => "widget.js" },
    outDir: "csai_widget/static",
    emptyOutDir: false,
    copyPublicDir: false,
    sourcemap: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox128", "safari17.5"],
    minify: "oxc",
  },
});
