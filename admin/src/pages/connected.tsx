/** What is connected to a vendor, an account of a channel or an integration: tried, deleted and set up. */

import { PlugZap, Trash2 } from "lucide-react";
import { useState } from "react";

import type { FieldGroup, Json, SettingField, TestOutcome } from "../api/types.ts";
import { SettingsForm } from "../form/settings-form.tsx";
import { useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { type Reading, Shown } from "../ui/states.tsx";
import { Card } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";

interface Words {
  readonly test: string;
  readonly testOk: string;
  readonly testFailed: string;
  readonly remove: string;
  readonly removeAsk: (name: string) => string;
  readonly removeLead: string;
}

/** A change under way, of which only that matters. */
interface Act {
  readonly isPending: boolean;
}

/** Says what came of a test. */
export function useOutcome({ testOk, testFailed }: Words): (outcome: TestOutcome) => void {
  const toasts = useToasts();
  return ({ is_ok, detail }) => {
    if (is_ok) toasts.say(detail ? `${testOk}. ${detail}` : testOk);
    else toasts.fail(new Error(`${testFailed}: ${detail}`));
  };
}

interface ActionsProps {
  readonly name: string;
  readonly words: Words;
  readonly test: Act;
  readonly remove: Act;
  readonly onTest: () => void;
  readonly onRemove: () => void;
}

export function ConnectedActions({ name, words, test, remove, onTest, onRemove }: ActionsProps) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <Button icon={PlugZap} isBusy={test.isPending} onClick={onTest}>{words.test}</Button>
      <Button icon={Trash2} look="danger" onClick={() => setAsked(true)}>{words.remove}</Button>
      <Confirm title={words.removeAsk(name)} description={words.removeLead} action={words.remove} isOpen={isAsked} isBusy={remove.isPending} onClose={() => setAsked(false)} onConfirm={onRemove} />
    </>
  );
}

/** How the settings of what is connected look. */
interface Kind {
  readonly settings_schema: { readonly [name: string]: Json };
}

interface SettingsProps<T, K extends Kind> {
  readonly title: string;
  /** The kinds there are; the one that this is of is not among them where its plugin is gone. */
  readonly read: Reading<T>;
  readonly kindOf: (data: T) => K | undefined;
  readonly groupsOf: (kind: K) => readonly FieldGroup[];
  readonly fieldsOf: (kind: K) => { readonly [name: string]: SettingField };
  readonly values: { readonly [name: string]: Json };
  readonly tag: string;
  readonly change: Act & { readonly error: Error | null };
  readonly onSubmit: (settings: { [name: string]: Json }) => void;
}

export function ConnectedSettings<T, K extends Kind>({ title, read, kindOf, groupsOf, fieldsOf, values, tag, change, onSubmit }: SettingsProps<T, K>) {
  const t = useMessages();
  const mayChange = useMay();
  return (
    <Card title={title}>
      <Shown read={read} rows={3}>
        {(data) => {
          const kind = kindOf(data);
          return (
            kind && (
              <SettingsForm
                schema={kind.settings_schema}
                values={values}
                tag={tag}
                fields={fieldsOf(kind)}
                groups={groupsOf(kind)}
                submit={t.common.save}
                isBusy={change.isPending}
                isDisabled={!mayChange}
                error={change.error}
                onSubmit={onSubmit}
              />
            )
          );
        }}
      </Shown>
    </Card>
  );
}
