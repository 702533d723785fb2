/** The test chat: ask as a visitor would, and see what tools did and what models were asked. */

import { RotateCcw } from "lucide-react";
import { useId, useState } from "react";
import { useForm } from "react-hook-form";

import { useRead } from "../api/query.ts";
import { useMessages } from "../language.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Card } from "../ui/surface.tsx";
import { Rounds, ToolLog } from "./test-chat-debug.tsx";
import { type Switched, TrialPlugins } from "./test-chat-plugins.tsx";
import { Said } from "./test-chat-said.tsx";
import { EarlierTests } from "./test-chat-sessions.tsx";
import { useTalk } from "./test-chat-talk.ts";

export function Component() {
  const clientId = useClientId();
  return <TestChat key={clientId} clientId={clientId} />;
}

function TestChat({ clientId }: { readonly clientId: string }) {
  const t = useMessages();
  const [model, setModel] = useState("");
  const [plugins, setPlugins] = useState<Switched>({});
  const { sessionId, exchanges, decided, isBusy, say, decide, goOn, reset } = useTalk(clientId, { model: model.trim() || null, plugins });
  const hasEnded = exchanges.some(({ outcome, isPast }) => outcome !== undefined || isPast);
  return (
    <Page
      title={t.testChat.title}
      lead={t.testChat.lead}
      actions={
        <>
          <EarlierTests clientId={clientId} sessionId={sessionId} isDisabled={isBusy} onChoose={goOn} />
          <Button icon={RotateCcw} disabled={exchanges.length === 0} onClick={reset}>{t.testChat.reset}</Button>
        </>
      }
    >
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title={t.testChat.chat} isFlush>
          <Said exchanges={exchanges} decided={decided} isBusy={isBusy} onDecide={(confirmation, word) => void decide(confirmation, word)} />
          <Question clientId={clientId} model={model} isBusy={isBusy} onModel={setModel} onAsk={say} />
        </Card>
        <div className="grid min-w-0 gap-4">
          <TrialPlugins clientId={clientId} switched={plugins} onChange={setPlugins} />
          <Card title={t.testChat.tools}><ToolLog calls={exchanges.flatMap(({ outcome }) => outcome?.tool_calls ?? [])} /></Card>
          <Card title={t.testChat.rounds} hint={t.testChat.roundsHint}>
            {sessionId !== undefined && hasEnded ? <Rounds path={{ client_id: clientId, session_id: sessionId }} /> : <p className="text-soft">{t.testChat.noRounds}</p>}
          </Card>
        </div>
      </div>
    </Page>
  );
}

interface QuestionProps {
  readonly clientId: string;
  readonly model: string;
  readonly isBusy: boolean;
  readonly onModel: (model: string) => void;
  readonly onAsk: (message: string) => Promise<void>;
}

function Question({ clientId, model, isBusy, onModel, onAsk }: QuestionProps) {
  const t = useMessages();
  const models = useId();
  const { data } = useRead("GET /admin/clients/{client_id}/providers", { path: { client_id: clientId } });
  const { register, handleSubmit, resetField, formState } = useForm({ defaultValues: { message: "" } });
  const ask = handleSubmit(({ message }) => {
    if (isBusy) return;
    resetField("message");
    void onAsk(message);
  });
  const offered = data ? [...data.answering, ...data.answering_simple].map(({ provider, model: name }) => `${provider}/${name}`) : [];
  return (
    <form noValidate className="grid gap-3 border-t border-line p-4" onSubmit={(event) => void ask(event)}>
      <TextField label={t.testChat.model} hint={t.testChat.modelHint} dir="ltr" autoComplete="off" list={models} value={model} onChange={(event) => onModel(event.target.value)} />
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
