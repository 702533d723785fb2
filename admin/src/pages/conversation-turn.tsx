/** How an answer came about: calls of models and of tools, what they took, gave, cost and waited for. */

import { useState } from "react";

import type { Call, ModelRound, TurnToolCall, TurnView } from "../api/types.ts";
import { pretty } from "../form/json-text.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Badge, Code, JsonView, Mono, type Tone } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { type Span, Waterfall } from "../ui/waterfall.tsx";
import { CALL_TONES } from "./tones.ts";

type Status = keyof ReturnType<typeof useMessages>["conversations"]["turnStates"];

const TURN_TONES: Readonly<Record<Status, Tone>> = { running: "accent", completed: "good", handed_off: "accent", stopped: "plain", blocked: "warn", failed: "bad" };

/** `isOpen` from the start: what comes later neither opens nor shuts it under who reads. */
export function Turn({ turn, isOpen }: { readonly turn: TurnView; readonly isOpen: boolean }) {
  const t = useMessages();
  const [isOpenFirst] = useState(isOpen);
  return (
    <details open={isOpenFirst} className="min-w-0 rounded-md border border-line text-sm">
      <summary className="rounded-md px-3 py-2 text-soft"><Summary turn={turn} /></summary>
      <div className="grid grid-cols-1 gap-4 border-t border-line p-3">
        <Timings turn={turn} />
        {turn.rounds.length > 0 && <Rounds rounds={turn.rounds} />}
        {turn.tool_calls.length > 0 && (
          <section className="grid gap-2">
            <h3 className="font-semibold">{t.conversations.tools}</h3>
            {turn.tool_calls.map((call) => <ToolCall key={call.id} call={call} />)}
          </section>
        )}
      </div>
    </details>
  );
}

function Summary({ turn }: { readonly turn: TurnView }) {
  const t = useMessages();
  const formats = useFormats();
  const sum = (of: (round: ModelRound) => number): number => turn.rounds.reduce((total, round) => total + of(round), 0);
  const status = turn.status as Status;
  const parts = [
    turn.duration_ms !== null && formats.duration(turn.duration_ms),
    t.conversations.rounds(turn.rounds.length),
    turn.tool_calls.length > 0 && t.conversations.toolCalls(turn.tool_calls.length),
    t.conversations.tokensOf(formats.number(sum((round) => round.tokens_input + round.tokens_output))),
    formats.money(sum(({ cost }) => Number(cost))),
  ];
  return (
    <>
      <Badge tone={TURN_TONES[status]}>{t.conversations.turnStates[status]}</Badge>
      {hasFailedCall(turn) && <> <Badge tone="bad">{t.conversations.toolChoices.failed}</Badge></>}
      {parts.filter(Boolean).map((part, index) => <span key={index}>{index > 0 && " ·"} <bdi>{part}</bdi></span>)}
    </>
  );
}

export function hasFailedCall({ tool_calls }: TurnView): boolean {
  return tool_calls.some(({ status }) => status === "failed");
}

function Timings({ turn }: { readonly turn: TurnView }) {
  const t = useMessages();
  const formats = useFormats();
  const note = (start: number | null, duration: number | null): string =>
    start === null || duration === null ? t.conversations.notMeasured : t.conversations.span(formats.duration(duration), formats.duration(start));
  const spans: readonly Span[] = [
    ...turn.rounds.map((round, index) => ({
      ...round,
      id: `round-${index}`,
      name: <Mono>{round.model}</Mono>,
      note: note(round.start_ms, round.duration_ms),
      tone: round.is_embedding ? ("plain" as const) : ("accent" as const),
      first_ms: round.first_text_ms,
    })),
    ...turn.tool_calls.map((call) => ({ ...call, name: <Mono>{call.name}</Mono>, note: note(call.start_ms, call.duration_ms), tone: toneOf(call) })),
  ].toSorted((one, other) => (one.start_ms ?? 0) - (other.start_ms ?? 0));
  if (spans.length === 0) return null;
  return (
    <section className="grid gap-2">
      <h3 className="font-semibold">{t.conversations.timings}</h3>
      <p className="text-xs text-faint">{t.conversations.timingsHint}</p>
      <Waterfall label={t.conversations.timings} spans={spans} total_ms={turn.duration_ms ?? 0} />
    </section>
  );
}

function toneOf({ status }: TurnToolCall): Tone {
  return CALL_TONES[status as Call["status"]];
}

function Rounds({ rounds }: { readonly rounds: readonly ModelRound[] }) {
  const t = useMessages();
  const formats = useFormats();
  const columns: readonly Column<ModelRound & { readonly index: number }>[] = [
    { id: "model", title: t.usage.model, isPrimary: true, cell: ({ model }) => <Mono>{model}</Mono> },
    { id: "provider", title: t.usage.provider, cell: (round) => <Provider round={round} /> },
    { id: "in", title: t.usage.tokensIn, isNumber: true, cell: ({ tokens_input }) => formats.number(tokens_input) },
    { id: "cached", title: t.conversations.cached, isNumber: true, cell: ({ tokens_cache_read }) => formats.number(tokens_cache_read) },
    { id: "out", title: t.usage.tokensOut, isNumber: true, cell: ({ tokens_output }) => formats.number(tokens_output) },
    { id: "cost", title: t.conversations.cost, isNumber: true, cell: ({ cost }) => formats.money(cost) },
  ];
  return (
    <section className="grid grid-cols-1 gap-2">
      <h3 className="font-semibold">{t.conversations.models}</h3>
      <Table label={t.conversations.models} columns={columns} rows={rounds.map((round, index) => ({ ...round, index }))} keyOf={({ index }) => String(index)} empty={null} />
    </section>
  );
}

function Provider({ round: { provider, is_estimated, is_embedding } }: { readonly round: ModelRound }) {
  const t = useMessages();
  return (
    <span className="inline-flex flex-wrap gap-1">
      {provider}
      {is_embedding && <Badge>{t.conversations.embedding}</Badge>}
      {is_estimated && <Badge tone="warn">{t.conversations.estimated}</Badge>}
    </span>
  );
}

function ToolCall({ call }: { readonly call: TurnToolCall }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <details className="min-w-0 rounded-md border border-line">
      <summary className="rounded-md px-3 py-2">
        <Mono>{call.name}</Mono> <Badge tone={toneOf(call)}>{t.tools.statuses[call.status as Call["status"]]}</Badge>
        <span className="ms-2 text-faint">{call.duration_ms !== null && formats.duration(call.duration_ms)}</span>
      </summary>
      <div className="grid grid-cols-1 gap-2 border-t border-line p-3">
        {call.is_redacted ? <p className="text-soft">{t.conversations.redacted}</p> : <Exchange call={call} />}
      </div>
    </details>
  );
}

function Exchange({ call }: { readonly call: TurnToolCall }) {
  const t = useMessages();
  return (
    <>
      <h4 className="font-medium">{t.tools.arguments}</h4>
      <JsonView value={call.arguments} label={t.tools.arguments} />
      <h4 className="font-medium">{t.tools.response}</h4>
      {call.response === null ? <p className="text-soft">{t.common.none}</p> : <Code text={pretty(call.response)} label={t.tools.response} />}
    </>
  );
}
