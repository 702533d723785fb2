/** What was said in a test chat, and the write actions that it asked about. */

import { useEffect, useRef } from "react";

import type { Confirmation, TurnAnswer } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Empty, Failure } from "../ui/states.tsx";
import { Badge, Facts } from "../ui/surface.tsx";
import type { Decided, Exchange, Word } from "./test-chat-talk.ts";

interface SaidProps {
  readonly exchanges: readonly Exchange[];
  readonly decided: Decided;
  readonly isBusy: boolean;
  readonly onDecide: (confirmation: Confirmation, word: Word) => void;
}

export function Said({ exchanges, ...deciding }: SaidProps) {
  const t = useMessages();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [exchanges]);
  return (
    <div ref={box} role="log" aria-label={t.testChat.chat} tabIndex={0} className="max-h-[60vh] min-h-48 overflow-y-auto p-4">
      {exchanges.length === 0 ? <Empty title={t.testChat.empty} /> : <ol className="grid gap-4">{exchanges.map((exchange, index) => <Turn key={index} exchange={exchange} {...deciding} />)}</ol>}
    </div>
  );
}

type TurnProps = Omit<SaidProps, "exchanges"> & { readonly exchange: Exchange };

function Turn({ exchange: { asked, text, outcome, error, isPast = false, confirmations = outcome?.confirmations ?? [] }, ...deciding }: TurnProps) {
  const t = useMessages();
  const answer = outcome?.message.content ?? text;
  return (
    <li className="grid gap-2">
      <div className="grid max-w-[85%] gap-0.5 justify-self-start">
        <p className="text-xs font-medium text-faint">{t.testChat.you}</p>
        <p dir="auto" className="rounded-lg bg-sunken px-3 py-2 whitespace-pre-wrap wrap-anywhere">{asked}</p>
      </div>
      {error ? <Failure error={error} /> : (
        <div className="grid max-w-[85%] gap-1 justify-self-end">
          <p className="text-xs font-medium text-faint">{t.testChat.assistant}</p>
          <p dir="auto" className="rounded-lg bg-accent-soft px-3 py-2 whitespace-pre-wrap wrap-anywhere">{answer || (outcome || isPast ? "–" : t.testChat.thinking)}</p>
          {outcome && <Outcome outcome={outcome} />}
          {confirmations.map((confirmation) => <Asked key={confirmation.id} confirmation={confirmation} {...deciding} />)}
        </div>
      )}
    </li>
  );
}

function Outcome({ outcome: { status, usage } }: { readonly outcome: TurnAnswer }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <p className="flex flex-wrap items-center gap-2 text-xs text-faint">
      <Badge tone={status === "completed" ? "good" : "warn"}>{(t.testChat.statuses as Readonly<Record<string, string>>)[status] ?? status}</Badge>
      {usage && <span>{t.testChat.used(formats.number(usage.tokens_input), formats.number(usage.tokens_output), formats.money(usage.cost))}</span>}
    </p>
  );
}

/** A write action that waits for a word: what is approved is really done. */
function Asked({ confirmation, decided, isBusy, onDecide }: Omit<SaidProps, "exchanges"> & { readonly confirmation: Confirmation }) {
  const t = useMessages();
  const word = decided.get(confirmation.id);
  return (
    <section aria-label={confirmation.title} className="grid gap-2 rounded-md bg-warn-soft px-3 py-2">
      <p className="font-semibold text-warn">{t.testChat.asks(confirmation.title)}</p>
      <Facts facts={confirmation.details.map(({ label, value }) => [label, <bdi>{value}</bdi>] as const)} />
      {word ? (
        <p><Badge tone={word === "approve" ? "good" : "plain"}>{t.testChat.words[word]}</Badge></p>
      ) : (
        <div className="flex flex-wrap items-center gap-2">
          <Button look="primary" disabled={isBusy} onClick={() => onDecide(confirmation, "approve")}>{t.testChat.approve}</Button>
          <Button disabled={isBusy} onClick={() => onDecide(confirmation, "decline")}>{t.testChat.decline}</Button>
          <span className="text-sm">{t.testChat.reallyDone}</span>
        </div>
      )}
    </section>
  );
}
