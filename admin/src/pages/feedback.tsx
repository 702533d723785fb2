/** What visitors thought. */

import { ThumbsDown, ThumbsUp } from "lucide-react";

import { useRead } from "../api/query.ts";
import type { FeedbackEntry, FeedbackSummary } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useClientId } from "../shell/client.ts";
import { FilterSelect } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Badge, Figure, Figures } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor, useFilters } from "../url.ts";

const SPANS = ["7", "30", "90"];

export function Component() {
  const t = useMessages();
  const path = { client_id: useClientId() };
  const { before } = useCursor();
  const [{ kind, value, days }, setFilters] = useFilters({ kind: "", value: "", days: "30" });
  const summary = useRead("GET /admin/clients/{client_id}/feedback/summary", { path, query: { days: Number(days) } });
  const read = useRead("GET /admin/clients/{client_id}/feedback", {
    path,
    query: { kind: (kind || null) as "answer" | "conversation" | null, value: value === "" ? null : Number(value), before: before ?? null },
  });
  const kinds = [{ value: "", label: `${t.feedback.kind}: ${t.common.all}` }, ...Object.entries(t.feedback.kinds).map(([id, label]) => ({ value: id, label }))];
  const verdicts = [{ value: "", label: `${t.feedback.verdict}: ${t.common.all}` }, { value: "1", label: t.feedback.onlyUp }, { value: "-1", label: t.feedback.onlyDown }];
  return (
    <Page title={t.feedback.title} lead={t.feedback.lead}>
      <Filters>
        <FilterSelect label={t.feedback.span} value={days} onChoose={(next) => setFilters({ days: next })} choices={SPANS.map((span) => ({ value: span, label: t.feedback.spans(Number(span)) }))} />
        <FilterSelect label={t.feedback.kind} value={kind} choices={kinds} onChoose={(next) => setFilters({ kind: next, value: "" })} />
        {kind === "answer" && <FilterSelect label={t.feedback.verdict} value={value} choices={verdicts} onChoose={(next) => setFilters({ value: next })} />}
      </Filters>
      <Shown read={summary} rows={2}>{(data) => <Summary summary={data} />}</Shown>
      <List label={t.feedback.title} read={read} rowsOf={({ feedback }) => feedback} nextOf={({ next }) => next} columns={useColumns()} keyOf={({ id }) => id} empty={<Empty title={t.feedback.empty} />} />
    </Page>
  );
}

function Summary({ summary }: { readonly summary: FeedbackSummary }) {
  const t = useMessages();
  const formats = useFormats();
  const rated = Object.values(summary.ratings).reduce((sum, count) => sum + count, 0);
  return (
    <Figures>
      <Figure label={t.feedback.up} value={formats.number(summary.thumbs_up)} />
      <Figure label={t.feedback.down} value={formats.number(summary.thumbs_down)} />
      <Figure label={t.feedback.average} value={summary.average_rating === null ? "–" : formats.number(Math.round(summary.average_rating * 10) / 10)} />
      <Figure label={t.feedback.ratings} value={formats.number(rated)} />
    </Figures>
  );
}

function useColumns(): readonly Column<FeedbackEntry>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "verdict", title: t.feedback.verdict, cell: (entry) => <Verdict entry={entry} /> },
    { id: "comment", title: t.feedback.comment, cell: ({ comment }) => <bdi className="wrap-anywhere">{comment || "–"}</bdi> },
    { id: "answer", title: t.feedback.answer, cell: ({ answer }) => <bdi className="line-clamp-2 max-w-md">{answer ?? "–"}</bdi> },
    { id: "when", title: t.common.when, cell: ({ updated_at }) => <time dateTime={updated_at} title={formats.dateTime(updated_at)}>{formats.ago(updated_at)}</time> },
  ];
}

function Verdict({ entry: { thumb, rating } }: { readonly entry: FeedbackEntry }) {
  const t = useMessages();
  if (thumb === "up") return <Badge tone="good"><ThumbsUp size={13} aria-hidden="true" className="me-1" />{t.feedback.up}</Badge>;
  if (thumb === "down") return <Badge tone="bad"><ThumbsDown size={13} aria-hidden="true" className="me-1" />{t.feedback.down}</Badge>;
  return rating === null ? <Badge>–</Badge> : <Badge tone={rating >= 4 ? "good" : rating <= 2 ? "bad" : "warn"}>{t.feedback.ofFive(rating)}</Badge>;
}
