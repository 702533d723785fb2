/** One conversation: what was said, and below each answer how it came about. */

import { ThumbsDown, ThumbsUp } from "lucide-react";
import { Link, useParams } from "react-router";

import { useKeptRead } from "../api/conversation-news.ts";
import type { Request } from "../api/client.ts";
import { useRead } from "../api/query.ts";
import type { ConversationDetail, FeedbackView, TranscriptMessage } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useClientId } from "../shell/client.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { Live } from "../ui/live.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Badge, Card, Facts, Mono } from "../ui/surface.tsx";
import { useFilters } from "../url.ts";
import { Rating, ToolCount } from "./conversation-badges.tsx";
import { NO_FILTER, queryOf, searchOf } from "./conversation-query.ts";
import { Turn, hasFailedCall } from "./conversation-turn.tsx";
import { STATE_TONES } from "./tones.ts";
import { Transcript } from "./transcript.tsx";

const READ = "GET /admin/conversations/{conversation_id}";
/** Of so few turns each is open from the start; of more only those in which something failed. */
const FEW_TURNS = 2;

type Asked = Request<typeof READ>;

export function Component() {
  const t = useMessages();
  const { conversationId = "" } = useParams();
  const clientId = useClientId();
  const [filter] = useFilters(NO_FILTER);
  const asked: Asked = { path: { conversation_id: conversationId }, query: queryOf(filter, clientId) };
  const read = useRead(READ, asked);
  const isLive = useKeptRead({ conversation_id: conversationId }, read, [READ]);
  const conversation = read.data?.conversation;
  return (
    <Page
      title={conversation ? (conversation.visitor ?? conversation.email ?? t.desk.anonymous) : t.desk.conversation}
      actions={<><Live isLive={isLive} /><Ways detail={read.data} search={searchOf(filter)} /></>}
    >
      <Shown read={read}>
        {(detail) => (
          <div aria-busy={read.isPlaceholderData || undefined} className={classes("grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]", read.isPlaceholderData && "opacity-60")}>
            <Card title={t.desk.transcript}><Said key={detail.conversation.id} detail={detail} asked={asked} /></Card>
            <Details detail={detail} />
          </div>
        )}
      </Shown>
    </Page>
  );
}

/** To the neighbours in the list, to the list itself, and to where it is answered. */
function Ways({ detail, search }: { readonly detail: ConversationDetail | undefined; readonly search: string }) {
  const t = useMessages();
  return (
    <>
      <nav aria-label={t.conversations.neighbours} className="flex flex-wrap gap-2">
        <ButtonLink look="quiet" to={`..${search}`} relative="path">{t.conversations.toList}</ButtonLink>
        <Neighbour id={detail?.previous} search={search} text={t.conversations.previous} />
        <Neighbour id={detail?.next} search={search} text={t.conversations.next} />
      </nav>
      {detail && <ButtonLink look="primary" to={`/clients/${detail.conversation.client_id}/desk/${detail.conversation.id}`}>{t.conversations.toDesk}</ButtonLink>}
    </>
  );
}

function Neighbour({ id, search, text }: { readonly id: string | null | undefined; readonly search: string; readonly text: string }) {
  if (!id) return <Button disabled>{text}</Button>;
  return <ButtonLink to={`../${id}${search}`} relative="path">{text}</ButtonLink>;
}

/** A page of its messages; it draws the next in its turn. */
function Said({ detail, asked }: { readonly detail: ConversationDetail; readonly asked: Asked }) {
  const t = useMessages();
  const { messages, turns, feedback, next_messages: next } = detail;
  const lasts = new Map(messages.map(({ id, turn_id }) => [turn_id, id]));
  const below = (message: TranscriptMessage) => {
    const turn = turns.find(({ id }) => id === message.turn_id && lasts.get(id) === message.id);
    const thoughts = feedback.filter(({ message_id }) => message_id === message.id);
    if (!turn && thoughts.length === 0) return null;
    return (
      <div className="grid gap-2">
        {thoughts.map((thought) => <Thought key={thought.updated_at} thought={thought} />)}
        {turn && <Turn turn={turn} isOpen={turns.length <= FEW_TURNS || turn.status === "failed" || hasFailedCall(turn)} />}
      </div>
    );
  };
  if (messages.length === 0) return <Empty title={t.conversations.noMessages} />;
  return (
    <div className="grid grid-cols-1 gap-3">
      <Transcript messages={messages} below={below} />
      {next !== null && <Later asked={{ ...asked, query: { ...asked.query, after: next } }} />}
    </div>
  );
}

function Later({ asked }: { readonly asked: Asked }) {
  const read = useRead(READ, asked);
  return <Shown read={read} rows={2}>{(detail) => <Said detail={detail} asked={asked} />}</Shown>;
}

/** What the visitor thought of the answer above. */
function Thought({ thought: { value, comment } }: { readonly thought: FeedbackView }) {
  const t = useMessages();
  const isGood = value > 0;
  const Icon = isGood ? ThumbsUp : ThumbsDown;
  return (
    <p className="flex flex-wrap items-center justify-end gap-2">
      {comment && <q dir="auto" className="wrap-anywhere text-soft">{comment}</q>}
      <Badge tone={isGood ? "good" : "bad"}><Icon size={13} aria-hidden="true" className="me-1" />{isGood ? t.feedback.up : t.feedback.down}</Badge>
    </p>
  );
}

function Details({ detail: { conversation, feedback } }: { readonly detail: ConversationDetail }) {
  const t = useMessages();
  const formats = useFormats();
  const overall = feedback.find(({ message_id }) => message_id === null);
  return (
    <Card title={t.common.details}>
      <Facts
        facts={[
          [t.common.status, <Badge tone={STATE_TONES[conversation.state]}>{t.desk.states[conversation.state]}</Badge>],
          [t.conversations.client, <Link to={`/clients/${conversation.client_id}`} className="text-accent underline underline-offset-4"><bdi>{conversation.client_name}</bdi></Link>],
          [t.conversations.channel, labelOf(t.conversations.channels, conversation.channel)],
          [t.desk.teammate, conversation.teammate],
          [t.desk.email, conversation.email],
          [t.conversations.feedback, overall && <Overall thought={overall} />],
          [t.conversations.messages, formats.number(conversation.messages)],
          [t.conversations.tokens, formats.number(conversation.tokens)],
          [t.conversations.cost, formats.money(conversation.cost)],
          [t.conversations.tools, <ToolCount item={conversation} />],
          [t.common.created, formats.dateTime(conversation.started_at)],
          [t.conversations.last, formats.dateTime(conversation.last_message_at)],
          [t.conversations.ended, conversation.ended_at && formats.dateTime(conversation.ended_at)],
          [t.conversations.session, <Mono>{conversation.session_id}</Mono>],
        ]}
      />
    </Card>
  );
}

function Overall({ thought: { value, comment } }: { readonly thought: FeedbackView }) {
  return <><Rating rating={value} /> {comment && <q dir="auto" className="wrap-anywhere">{comment}</q>}</>;
}
