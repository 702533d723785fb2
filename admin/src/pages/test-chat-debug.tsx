/** What a test chat's tools did, and what its models were asked. */

import { useRead } from "../api/query.ts";
import type { AnswerToolCall, TrialRound } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, JsonView, Mono } from "../ui/surface.tsx";
import { ROUNDS } from "./test-chat-talk.ts";

export function ToolLog({ calls }: { readonly calls: readonly AnswerToolCall[] }) {
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

export function Rounds({ path }: { readonly path: { readonly client_id: string; readonly session_id: string } }) {
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
