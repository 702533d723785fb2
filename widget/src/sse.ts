/** A reader of server-sent events that takes the stream in whatever pieces the network delivers. */

export interface ServerEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

export class SseParser {
  #rest = "";
  #afterCarriageReturn = false;
  #id = "";
  #type = "";
  #data: string[] = [];

  /** Takes decoded text, gives the events it completes. An event that the stream leaves unfinished is dropped. */
  push(chunk: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    for (const line of this.#lines(chunk)) {
      if (line === "") this.#finish(events);
      else this.#field(line);
    }
    return events;
  }

  #lines(chunk: string): string[] {
    // "\r\n" may be cut in two: the "\r" ended the line, so a "\n" that follows it ends nothing.
    const text = this.#afterCarriageReturn && chunk.startsWith("\n") ? chunk.slice(1) : chunk;
    if (chunk !== "") this.#afterCarriageReturn = chunk.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? "";
    return lines;
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id") this.#id = value;
  }

  #finish(events: ServerEvent[]): void {
    if (this.#data.length > 0) {
      events.push({ id: this.#id, type: this.#type || "message", data: this.#data.join("\n") });
    }
    this.#type = "";
    this.#data = [];
  }
}
