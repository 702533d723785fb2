/** What a channel is called: a plugin's own, of which we know nothing, by its id. */

export function channelOf(channel: string, names: Readonly<Record<string, string>>): string {
  return names[channel] ?? channel;
}
