/** Server-sent events, read from an answer as they come. */

export interface ServerEvent {
  readonly name: string;
  readonly data: unknown;
}

/** Ends with the answer; lines that keep the connection alive are passed over. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerEvent> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const blocks = (rest + read.value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = eventIn(block);
      if (event) yield event;
    }
  }
}

function eventIn(block: string): ServerEvent | undefined {
  const lines = block.split("\n");
  const valueOf = (field: string): string | undefined => lines.find((line) => line.startsWith(`${field}: `))?.slice(field.length + 2);
  const name = valueOf("event");
  const data = valueOf("data");
  return name === undefined || data === undefined ? undefined : { name, data: JSON.parse(data) };
}
