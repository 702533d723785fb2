/** The text of a JSON Schema, what is wrong with it while it is written, and the form that it makes. */

import { useId, useState } from "react";

import type { Json } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { TextArea } from "../ui/field.tsx";
import { useReason } from "../ui/states.tsx";
import { Badge, Card, JsonView, Mono } from "../ui/surface.tsx";
import type { SchemaDraft } from "./schema-draft.ts";
import { SchemaForm } from "./schema-form.tsx";
import type { Schema } from "./schema.ts";

const ROWS = 18;

/** Below a form rather than in it: the preview is a form of its own. */
export function SchemaEditor({ draft, isHeldBack }: { readonly draft: SchemaDraft; readonly isHeldBack: boolean }) {
  const t = useMessages();
  const { text, write, value } = draft;
  const indent = () => value !== undefined && write(JSON.stringify(value, null, 2));
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <Card title={t.tools.schema} hint={t.schemaEditor.hint} actions={<Button disabled={value === undefined} onClick={indent}>{t.schemaEditor.indent}</Button>}>
        <div className="grid gap-3">
          <TextArea label={t.schemaEditor.text} dir="ltr" rows={ROWS} spellCheck={false} className="font-mono text-xs" value={text} error={isHeldBack && value === undefined ? t.schemaEditor.heldBack : undefined} onChange={(event) => write(event.target.value)} />
          <Verdict draft={draft} />
        </div>
      </Card>
      <Preview key={value === undefined ? "" : text} schema={value} />
    </div>
  );
}

/** Told as it changes; what is wrong where. */
function Verdict({ draft: { syntax, faults, error } }: { readonly draft: SchemaDraft }) {
  const t = useMessages();
  const id = useId();
  return (
    <section aria-labelledby={id} aria-live="polite" className="grid gap-2">
      <h3 id={id} className="text-sm font-medium">{t.schemaEditor.verdict}</h3>
      {syntax && <p className="text-bad">{t.schemaEditor.notJsonAt(syntax.line, syntax.column)}</p>}
      {error && <p className="text-bad"><Reason error={error} /></p>}
      {!syntax && !error && faults === undefined && <p className="text-soft">{t.schemaEditor.checking}</p>}
      {faults?.length === 0 && <p><Badge tone="good">{t.schemaEditor.sound}</Badge></p>}
      {faults !== undefined && faults.length > 0 && (
        <ul className="grid gap-1">
          {faults.map(({ path, message }) => (
            <li key={path + message} className="text-bad wrap-anywhere">{path === "" ? t.schemaEditor.whole : <Mono>{path}</Mono>}: <bdi>{message}</bdi></li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Reason({ error }: { readonly error: Error }) {
  return useReason(error);
}

function Preview({ schema }: { readonly schema: Json | undefined }) {
  const t = useMessages();
  const [given, setGiven] = useState<{ [name: string]: Json }>();
  return (
    <Card title={t.schemaEditor.preview} hint={t.schemaEditor.previewLead}>
      {schema === undefined ? (
        <p className="text-soft">{t.schemaEditor.noPreview}</p>
      ) : (
        <div className="grid gap-4">
          <SchemaForm schema={schema as Schema} submit={t.schemaEditor.showArguments} isBusy={false} error={null} onSubmit={setGiven} />
          {given && <JsonView value={given} label={t.tools.arguments} />}
        </div>
      )}
    </Card>
  );
}
