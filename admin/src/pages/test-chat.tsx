/** The test chat: ask as a visitor would, and see what tools did and what models were asked. */

import { RotateCcw } from "lucide-react";
import { useEffect, useId, useRef } from "react";
import { useForm } from "react-hook-form";

import { useRead } from "../api/query.ts";
import type { AnswerToolCall, TrialRound, TurnAnswer } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Failure, Shown } from "../ui/states.tsx";
import { Badge, Card, JsonView, Mono, Notice } from "../ui/surface.tsx";
import { type Exchange, ROUNDS, useTalk } from "./test-chat-talk.ts";

export function Component() {
  const clientId = useClientId();
  return <TestChat key={clientId} clientId={clientId} />;
}

function TestChat({ clientId }: { readonly clientId: string }) {
  const t = useMessages();
  const { sessionId, exchanges, isBusy, say, reset } = useTalk(clientId, t.testChat.broken);
  const hasEnded = exchanges.some(({ outcome }) => outcome !== undefined);
  return (
    <Page title={t.testChat.title} lead={t.testChat.lead} actions={<Button icon={RotateCcw} disabled={exchanges.length === 0} onClick={reset}>{t.testChat.reset}</Button>}>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title={t.testChat.chat} isFlush>
          <Said exchanges={exchanges} />
          <Question clientId={clientId} isBusy={isBusy} onAsk={say} />
        </Card>
        <div className="grid min-w-0 gap-4">
          <Card title={t.testChat.tools}><ToolLog calls={exchanges.flatMap(({ outcome }) => outcome?.tool_calls ?? [])} /></Card>
          <Card title={t.testChat.rounds} hint={t.testChat.roundsHint}>
            {sessionId !== undefined && hasEnded ? <Rounds path={{ client_id: clientId, session_id: sessionId }} /> : <p className="text-soft">{t.testChat.noRounds}</p>}
          </Card>
        </div>
      </div>
    </Page>
  );
}

function Said({ exchanges }: { readonly exchanges: readonly Exchange[] }) {
  const t = useMessages();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [exchanges]);
  return (
    <div ref={box} role="log" aria-label={t.testChat.chat} tabIndex={0} className="max-h-[60vh] min-h-48 overflow-y-auto p-4">
      {exchanges.length === 0 ? <Empty title={t.testChat.empty} /> : <ol className="grid gap-4">{exchanges.map((exchange, index) => <Turn key={index} exchange={exchange} />)}</ol>}
    </div>
  );
}

function Turn({ exchange: { asked, text, outcome, error } }: { readonly exchange: Exchange }) {
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
          <p dir="auto" className="rounded-lg bg-accent-soft px-3 py-2 whitespace-pre-wrap wrap-anywhere">{answer || (outcome ? "–" : t.testChat.thinking)}</p>
          {outcome && <Outcome outcome={outcome} />}
        </div>
      )}
    </li>
  );
}

function Outcome({ outcome: { status, usage, confirmations } }: { readonly outcome: TurnAnswer }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <>
      <p className="flex flex-wrap items-center gap-2 text-xs text-faint">
        <Badge tone={status === "completed" ? "good" : "warn"}>{(t.testChat.statuses as Readonly<Record<string, string>>)[status] ?? status}</Badge>
        {usage && <span>{t.testChat.used(formats.number(usage.tokens_input), formats.number(usage.tokens_output), formats.money(usage.cost))}</span>}
      </p>
      {confirmations.map(({ id, title }) => <Notice key={id}>{t.testChat.asks(title)}</Notice>)}
    </>
  );
}

function Question({ clientId, isBusy, onAsk }: { readonly clientId: string; readonly isBusy: boolean; readonly onAsk: (message: string, model: string) => Promise<void> }) {
  const t = useMessages();
  const models = useId();
  const { data } = useRead("GET /admin/clients/{client_id}/providers", { path: { client_id: clientId } });
  const { register, handleSubmit, resetField, formState } = useForm({ defaultValues: { message: "", model: "" } });
  const ask = handleSubmit(({ message, model }) => {
    if (isBusy) return;
    resetField("message");
    void onAsk(message, model.trim());
  });
  const offered = data ? [...data.answering, ...data.answering_simple].map(({ provider, model }) => `${provider}/${model}`) : [];
  return (
    <form noValidate className="grid gap-3 border-t border-line p-4" onSubmit={(event) => void ask(event)}>
      <TextField label={t.testChat.model} hint={t.testChat.modelHint} dir="ltr" autoComplete="off" list={models} {...register("model")} />
      <datalist id={models}>{[...new Set(offered)].map((name) => <option key={name} value={name} />)}</datalist>
      <TextArea
        label={t.testChat.message}
        hint={t.testChat.sendHint}
        dir="auto"
        error={formState.errors.message?.message}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void ask();
        }}
        {...register("message", { validate: (text) => text.trim() !== "" || t.testChat.messageMissing })}
      />
      <Button type="submit" look="primary" className="justify-self-end" isBusy={isBusy}>{t.testChat.send}</Button>
    </form>
  );
}

function ToolLog({ calls }: { readonly calls: readonly AnswerToolCall[] }) {
  const t = useMessages();
  const formats = useFormats();
  if (calls.length === 0) return <p className="text-soft">{t.testChat.noTools}</p>;
  return (
    <ol className="grid gap-2">
      {calls.map((call) => (
        <li key={call.id}>
          <details>
            <summary>
              <Mono>{call.name}</Mono> <Badge tone={call.success ? "good" : "bad"}>{call.success ? t.testChat.done : t.testChat.undone}</Badge> <span className="text-soft">{formats.duration(call.duration_ms)}</span>
            </summary>
            <JsonView value={call.arguments} label={t.tools.arguments} />
          </details>
        </li>
      ))}
    </ol>
  );
}

function Rounds({ path }: { readonly path: { readonly client_id: string; readonly session_id: string } }) {
  const t = useMessages();
  const formats = useFormats();
  const read = useRead(ROUNDS, { path });
  return (
    <Shown read={read}>
      {({ turns }) => (
        <div className="grid gap-4">
          {turns.map((turn, index) => (
            <section key={turn.turn_id} className="grid gap-2">
              <h3 className="font-semibold">{t.testChat.turn(formats.number(index + 1))}</h3>
              {turn.rounds.length === 0 && <p className="text-soft">{t.testChat.noRounds}</p>}
              {turn.rounds.map((round, number) => <Round key={number} round={round} />)}
            </section>
          ))}
          {turns.length === 0 && <p className="text-soft">{t.testChat.noRounds}</p>}
        </div>
      )}
    </Shown>
  );
}

function Round({ round: { provider, request, response, error, duration_ms } }: { readonly round: TrialRound }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <details>
      <summary>
        <Mono>{provider}/{String(request["model"])}</Mono> <span className="text-soft">{formats.duration(duration_ms)}</span> {error !== null && <Badge tone="bad">{error}</Badge>}
      </summary>
      <div className="mt-2 grid gap-2">
        <h4 className="text-sm font-medium">{t.testChat.request}</h4>
        <JsonView value={request} label={t.testChat.request} />
        {response !== null && (
          <>
            <h4 className="text-sm font-medium">{t.testChat.response}</h4>
            <JsonView value={response} label={t.testChat.response} />
          </>
        )}
      </div>
    </details>
  );
}
