// The real widget, shown what a client's branding would make of it. It has no key and reaches no server: what it would
// ask is answered here, with what the dashboard sends, so that nothing is stored, counted or said to anybody.
const KEY = "pk_preview";
// In English, whatever the client's visitors are spoken to in.
const words = fetch("words.json").then((answer) => answer.json());
let config;

window.fetch = async (url) => {
  const { pathname } = new URL(url, location.href);
  if (pathname === "/api/config") {
    return Response.json({ ...config, locale: { language: "en", direction: "ltr", labels: await words } });
  }
  return Response.json({ code: "preview", detail: "This is a preview." }, { status: 503 });
};

addEventListener("message", ({ origin, data }) => {
  if (origin !== location.origin || typeof data?.branding !== "object") return;
  config = data;
  for (const store of [localStorage, sessionStorage]) store.removeItem(`csai:${KEY}`);
  const shown = window.csai;
  if (shown) shown.destroy();
  insertWidget();
});

function insertWidget() {
  document.querySelector("script[data-api-key]")?.remove();
  const script = document.createElement("script");
  script.src = "/widget.js";
  script.dataset.apiKey = KEY;
  script.dataset.open = "true";
  document.head.append(script);
}

parent.postMessage({ isReady: true }, location.origin);
