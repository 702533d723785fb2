/** The bar of filters above the conversations. */

import { useState } from "react";

import { useMessages } from "../language.tsx";
import { READERS, useMay } from "../session.tsx";
import { choicesOf, withChosen } from "../ui/choices.ts";
import { FilterDate, FilterSelect, FilterText } from "../ui/field.tsx";
import { Filters } from "../ui/page.tsx";
import { useClientNames } from "./client-name.ts";
import type { Filter } from "./conversation-query.ts";

const RATINGS = [1, 2, 3, 4, 5];

interface Props {
  readonly filter: Filter;
  readonly onChange: (changes: Partial<Filter>) => void;
}

export function ConversationFilters({ isOfClient, ...props }: Props & { readonly isOfClient: boolean }) {
  const t = useMessages();
  const { filter, onChange } = props;
  const mayChooseClient = useMay(READERS) && !isOfClient;
  return (
    <Filters>
      <FilterText label={t.conversations.search} value={filter.q} onChange={(event) => onChange({ q: event.target.value })} />
      {mayChooseClient && <ClientFilter {...props} />}
      <FilterSelect label={t.common.status} value={filter.state} choices={choicesOf(t.common.status, t.common.all, t.desk.states)} onChoose={(state) => onChange({ state })} />
      <FilterSelect label={t.conversations.channel} value={filter.channel} choices={withChosen(choicesOf(t.conversations.channel, t.common.all, t.conversations.channels), filter.channel)} onChoose={(channel) => onChange({ channel })} />
      <MoreFilters {...props} />
    </Filters>
  );
}

/** The first clients by name; those of a larger installation have the same list on pages of their own. */
function ClientFilter({ filter, onChange }: Props) {
  const t = useMessages();
  const clients = useClientNames();
  return <FilterSelect label={t.conversations.client} value={filter.client} choices={withChosen(choicesOf(t.conversations.client, t.common.all, clients), filter.client)} onChoose={(client) => onChange({ client })} />;
}

/** Open from the start where one of them is set. */
function MoreFilters({ filter, onChange }: Props) {
  const t = useMessages();
  const count = [filter.tools, filter.feedback, filter.visitor, filter.from, filter.to].filter(Boolean).length;
  const [isOpen] = useState(count > 0);
  const ratings = Object.fromEntries(RATINGS.map((rating) => [rating, t.feedback.ofFive(rating)]));
  return (
    <details open={isOpen} className="basis-full">
      <summary className="w-fit rounded-md text-sm text-soft">{t.conversations.moreFilters(count)}</summary>
      <div className="flex flex-wrap items-center gap-2 pt-2">
        <FilterSelect label={t.conversations.tools} value={filter.tools} choices={choicesOf(t.conversations.tools, t.common.all, t.conversations.toolChoices)} onChoose={(tools) => onChange({ tools })} />
        <FilterSelect label={t.conversations.feedback} value={filter.feedback} choices={choicesOf(t.conversations.feedback, t.common.all, { down: t.conversations.thumbsDown, ...ratings })} onChoose={(feedback) => onChange({ feedback })} />
        <FilterText label={t.conversations.visitor} value={filter.visitor} onChange={(event) => onChange({ visitor: event.target.value })} />
        <FilterDate label={t.conversations.from} max={filter.to} value={filter.from} onChange={(event) => onChange({ from: event.target.value })} />
        <FilterDate label={t.conversations.to} min={filter.from} value={filter.to} onChange={(event) => onChange({ to: event.target.value })} />
      </div>
    </details>
  );
}
