/** A conversation at the desk: read it, take it, answer, hand it back. */

import { type ReactNode, useEffect, useRef } from "react";
import { useForm } from "react-hook-form";
import { useParams } from "react-router";

import { useKeptRead } from "../api/conversation-news.ts";
import { useChange, useRead } from "../api/query.ts";
import type { ConversationSummary } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { type Role, useMay, useSession } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { Live } from "../ui/live.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, Facts } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { READ_DESK } from "./desk.tsx";
import { STATE_TONES } from "./tones.ts";
import { Transcript } from "./transcript.tsx";

const READ = "GET /admin/clients/{client_id}/conversations/{conversation_id}";
const SPEAKERS: readonly Role[] = ["owner", "admin", "teammate"];
const NAME = "csai.teammate";

interface Path {
  readonly client_id: string;
  readonly conversation_id: string;
}

export function Component() {
  const t = useMessages();
  const formats = useFormats();
  const maySpeak = useMay(SPEAKERS);
  const { conversationId = "" } = useParams();
  const path = { client_id: useClientId(), conversation_id: conversationId };
  const read = useRead(READ, { path });
  const isLive = useKeptRead(path, read, [READ]);
  return (
    <Page title={read.data?.conversation.visitor ?? t.desk.conversation} actions={<Live isLive={isLive} />}>
      <Shown read={read}>
        {({ conversation, messages, next }) => (
          <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
            <Card title={t.desk.transcript} isFlush>
              <Following length={messages.length}><Transcript messages={messages} /></Following>
              {next !== null && <Later path={path} after={next} />}
              {maySpeak && <Reply path={path} conversation={conversation} />}
            </Card>
            <Card title={t.common.details}>
              <Facts
                facts={[
                  [t.common.status, <Badge tone={STATE_TONES[conversation.state]}>{t.desk.states[conversation.state]}</Badge>],
                  [t.desk.teammate, conversation.teammate],
                  [t.desk.channel, labelOf(t.conversations.channels, conversation.channel)],
                  [t.desk.email, conversation.email],
                  [t.common.created, formats.dateTime(conversation.started_at)],
                  [t.desk.last, formats.dateTime(conversation.last_message_at)],
                ]}
              />
              {maySpeak && conversation.state !== "closed" && <Taking path={path} conversation={conversation} />}
            </Card>
          </div>
        )}
      </Shown>
    </Page>
  );
}

/** Keeps the end in view as messages come. */
function Following({ length, children }: { readonly length: number; readonly children: ReactNode }) {
  const t = useMessages();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [length]);
  return <div ref={box} role="log" aria-label={t.desk.transcript} tabIndex={0} className="max-h-[60vh] overflow-y-auto p-4">{children}</div>;
}

/** The page of messages after the one above; it draws the next in its turn. */
function Later({ path, after }: { readonly path: Path; readonly after: number }) {
  const t = useMessages();
  const read = useRead(READ, { path, query: { after } });
  if (!read.data) return null;
  return (
    <>
      <div role="log" aria-label={t.desk.more} className="px-4 pb-4"><Transcript messages={read.data.messages} /></div>
      {read.data.next !== null && <Later path={path} after={read.data.next} />}
    </>
  );
}

function Taking({ path, conversation }: { readonly path: Path; readonly conversation: ConversationSummary }) {
  const t = useMessages();
  const toasts = useToasts();
  const { admin } = useSession();
  const refreshes = [READ, READ_DESK] as const;
  const { register, handleSubmit, formState } = useForm({ defaultValues: { teammate: localStorage.getItem(NAME) ?? admin.email.split("@")[0] ?? "" } });
  const claim = useChange("POST /admin/clients/{client_id}/conversations/{conversation_id}/claim", { refreshes, onDone: () => toasts.say(t.desk.taken) });
  const release = useChange("POST /admin/clients/{client_id}/conversations/{conversation_id}/release", { refreshes, onDone: () => toasts.say(t.desk.released) });
  const take = ({ teammate }: { teammate: string }): void => {
    localStorage.setItem(NAME, teammate);
    claim.mutate({ path, body: { teammate, is_takeover: conversation.state === "teammate" } });
  };
  const isTaken = conversation.state === "teammate";
  return (
    <div className="mt-4 grid gap-3 border-t border-line pt-4">
      <form noValidate className="grid gap-3" onSubmit={(event) => void handleSubmit(take)(event)}>
        <TextField label={t.desk.yourName} dir="auto" error={formState.errors.teammate?.message} {...register("teammate", { required: t.desk.nameMissing })} />
        <Button type="submit" look={isTaken ? "plain" : "primary"} isBusy={claim.isPending}>{isTaken ? t.desk.takeFrom(conversation.teammate ?? "") : t.desk.take}</Button>
      </form>
      {conversation.state !== "ai" && <Button isBusy={release.isPending} onClick={() => release.mutate({ path, body: { to: "ai" } })}>{t.desk.release}</Button>}
      {isTaken && <Button isBusy={release.isPending} onClick={() => release.mutate({ path, body: { to: "queued" } })}>{t.desk.releaseQueue}</Button>}
    </div>
  );
}

function Reply({ path, conversation }: { readonly path: Path; readonly conversation: ConversationSummary }) {
  const t = useMessages();
  const { register, handleSubmit, reset, formState } = useForm({ defaultValues: { message: "" } });
  const say = useChange("POST /admin/clients/{client_id}/conversations/{conversation_id}/messages", { refreshes: [READ, READ_DESK], onDone: () => reset() });
  if (conversation.state !== "teammate") {
    return <p className="border-t border-line p-4 text-soft">{conversation.state === "closed" ? t.desk.ended : t.desk.nobody}</p>;
  }
  // The id makes a repeat of the very same request harmless.
  const send = handleSubmit(({ message }) => say.mutate({ path, body: { message, message_id: crypto.randomUUID() } }));
  return (
    <form noValidate className="grid gap-2 border-t border-line p-4" onSubmit={(event) => void send(event)}>
      <TextArea
        label={t.desk.reply}
        hint={t.desk.sendHint}
        dir="auto"
        error={formState.errors.message?.message}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send();
        }}
        {...register("message", { validate: (text) => text.trim() !== "" || t.desk.replyMissing })}
      />
      <Button type="submit" look="primary" className="justify-self-end" isBusy={say.isPending}>{t.desk.send}</Button>
    </form>
  );
}
