/** What a code of the server is called: one that nobody has named, such as a plugin's own, is read as words. */
export function labelOf(names: Readonly<Record<string, string>>, code: string): string {
  return (Object.hasOwn(names, code) ? names[code] : undefined) ?? code.replace(/[._]+/g, " ");
}
