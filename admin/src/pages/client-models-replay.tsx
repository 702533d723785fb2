/** What another threshold would have done to the questions that were asked. */

import { useState } from "react";

import { useRead } from "../api/query.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Shown } from "../ui/states.tsx";
import { Card, Figure, Figures } from "../ui/surface.tsx";

export function Replay({ path, threshold }: { readonly path: { readonly client_id: string }; readonly threshold: number }) {
  const t = useMessages();
  const formats = useFormats();
  const [text, setText] = useState(String(threshold));
  const [asked, setAsked] = useState(threshold);
  const isValid = /^\d+$/.test(text) && Number(text) <= 100;
  const read = useRead("GET /admin/clients/{client_id}/routing/replay", { path, query: { threshold: asked } });
  return (
    <Card title={t.models.replay} hint={t.models.replayLead}>
      <form
        noValidate
        className="mb-4 flex flex-wrap items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (isValid) setAsked(Number(text));
        }}
      >
        <TextField label={t.models.threshold} inputMode="numeric" dir="ltr" value={text} error={isValid ? undefined : t.schemaForm.numberInvalid} onChange={(event) => setText(event.target.value)} />
        <Button type="submit">{t.models.replayRun}</Button>
      </form>
      <Shown read={read} rows={2}>
        {(replay) => (
          <Figures>
            <Figure label={t.models.turns} value={formats.number(replay.turns)} />
            <Figure label={t.models.toSimple} value={formats.percent(replay.simple_after.share)} note={formats.percent(replay.simple_before.share)} />
            <Figure label={t.models.escalated} value={formats.percent(replay.escalated.share)} />
            <Figure label={t.models.costBefore} value={formats.money(replay.cost_before)} />
            <Figure label={t.models.costAfter} value={formats.money(replay.cost_after)} />
          </Figures>
        )}
      </Shown>
    </Card>
  );
}
