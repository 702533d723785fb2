/** What the build puts in. */

declare const __VERSION__: string;
declare const __PIN__: import("./loader/script.ts").Pin;
