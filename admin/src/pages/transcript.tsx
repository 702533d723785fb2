/** What was said, as the visitor saw it: words only, as no link or picture of a model is followed here. */

import { Fragment, type ReactNode } from "react";

import { useFormats, useMessages } from "../language.tsx";
import { classes } from "../ui/classes.ts";

interface Said {
  readonly id: string;
  readonly role: string;
  readonly author: string | null;
  readonly content: string;
  readonly created_at: string;
}

/** `below` tells more of a message, under it. */
export function Transcript<T extends Said>({ messages, below }: { readonly messages: readonly T[]; readonly below?: (message: T) => ReactNode }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <ol className="grid gap-3">
      {messages.map((message) => {
        const isVisitor = message.role === "user";
        const more = below?.(message);
        return (
          <Fragment key={message.id}>
            <li className={classes("grid max-w-[85%] gap-0.5", isVisitor ? "justify-self-start" : "justify-self-end")}>
              <p className="flex items-baseline gap-2 text-xs text-faint">
                <span className="font-medium">{authorOf(message, t.desk.authors)}</span>
                <time dateTime={message.created_at} title={formats.dateTime(message.created_at)}>{formats.time(message.created_at)}</time>
              </p>
              <p dir="auto" className={classes("rounded-lg px-3 py-2 whitespace-pre-wrap wrap-anywhere [unicode-bidi:plaintext]", isVisitor ? "bg-sunken" : "bg-accent-soft")}>{message.content}</p>
            </li>
            {more && <li>{more}</li>}
          </Fragment>
        );
      })}
    </ol>
  );
}

function authorOf({ role, author }: Said, names: Readonly<Record<string, string>>): string {
  return names[role === "user" ? role : (author ?? role)] ?? author ?? role;
}
