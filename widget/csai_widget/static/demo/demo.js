// The page's own script: puts the widget in with the key from the address, and sends the suggested questions.
const key = new URLSearchParams(location.search).get("key");
const problem = document.getElementById("problem");

const ready = new Promise((resolve) => document.addEventListener("csai:ready", resolve, { once: true }));

function say(text) {
  problem.textContent = text;
  problem.hidden = false;
}

function insertWidget() {
  const script = document.createElement("script");
  script.src = "/widget.js";
  script.dataset.apiKey = key;
  script.addEventListener("error", () => say("The chat's script could not be loaded from /widget.js."));
  document.head.append(script);
}

async function withChat(act) {
  if (!key) return;
  await ready;
  window.csai.open();
  act();
}

for (const button of document.querySelectorAll("[data-chat]")) {
  button.addEventListener("click", () => withChat(() => {}));
}
for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", () => withChat(() => window.csai.send(button.textContent)));
}

if (key) insertWidget();
else say("This page needs a key in its address: /demo/?key=pk_… The command csai demo prints the whole address.");
