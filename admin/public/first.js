// Before the first paint: the theme and the language chosen on this machine.
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("csai.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    const language = localStorage.getItem("csai.language") ?? navigator.language.slice(0, 2);
    if (language === "he") Object.assign(root, { lang: "he", dir: "rtl" });
  } catch {
    // Storage is forbidden here: what the system says will do.
  }
})();
