/** What a filter offers. */

import type { Choice } from "./field.tsx";

export function choicesOf(title: string, all: string, names: Readonly<Record<string, string>>): readonly Choice[] {
  return [{ value: "", label: `${title}: ${all}` }, ...Object.entries(names).map(([value, label]) => ({ value, label }))];
}

/** What the address says is shown as chosen, even where we do not know it. */
export function withChosen(choices: readonly Choice[], chosen: string): readonly Choice[] {
  return choices.some(({ value }) => value === chosen) ? choices : [...choices, { value: chosen, label: chosen }];
}
