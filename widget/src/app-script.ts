/** The app as a script of its own: hands itself to the loader that inserted it, and to nobody else. */

import { start } from "./app.ts";
import { SAYS } from "./loader/script.ts";

document.currentScript?.dispatchEvent(new CustomEvent(SAYS, { detail: start, cancelable: true }));
