/** One tool of a client: its settings, a trial, its schema. */

import { useForm } from "react-hook-form";
import { useParams } from "react-router";

import { useChange, useRead } from "../api/query.ts";
import type { ClientTool, TrialOutcome } from "../api/types.ts";
import { pretty } from "../form/json-text.ts";
import { SchemaForm } from "../form/schema-form.tsx";
import type { Schema } from "../form/schema.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { Checkbox, TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Badge, Card, Code, Facts, JsonView, Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { Traits } from "./client-tools.tsx";

const READ = "GET /admin/clients/{client_id}/tools";

interface Path {
  readonly client_id: string;
  readonly tool_name: string;
}

export function Component() {
  const t = useMessages();
  const { toolName = "" } = useParams();
  const path = { client_id: useClientId(), tool_name: toolName };
  const read = useRead(READ, { path: { client_id: path.client_id } });
  return (
    <Page title={toolName} actions={<ButtonLink to={`../../tool-calls?tool=${encodeURIComponent(toolName)}`} relative="path">{t.tools.history}</ButtonLink>}>
      <Shown read={read}>
        {({ tools }) => {
          const tool = tools.find(({ name }) => name === toolName);
          return tool ? <Tool key={tool.name} tool={tool} path={path} /> : <Empty title={t.problems.not_found} />;
        }}
      </Shown>
    </Page>
  );
}

function Tool({ tool, path }: { readonly tool: ClientTool; readonly path: Path }) {
  const t = useMessages();
  const formats = useFormats();
  const mayChange = useMay();
  return (
    <>
      {tool.obstacles.length > 0 && (
        <Notice title={t.tools.obstacles}><ul>{tool.obstacles.map((obstacle) => <li key={obstacle}><bdi>{obstacle}</bdi></li>)}</ul></Notice>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="grid gap-4">
          <Card title={t.common.details}>
            <p className="mb-3">{tool.description}</p>
            <Facts
              facts={[
                [t.common.status, <Badge tone={tool.enabled ? "good" : "plain"}>{tool.enabled ? t.common.on : t.common.off}</Badge>],
                [t.tools.traits, <Traits tool={tool} />],
                [t.tools.category, tool.category],
                [t.tools.runs, tool.source ?? tool.plugin ?? tool.backend],
                [t.tools.calls, formats.number(tool.calls)],
                [t.tools.successRate, tool.success_rate === null ? null : formats.percent(tool.success_rate)],
                [t.tools.meanTime, tool.mean_ms === null ? null : formats.duration(tool.mean_ms)],
                [t.tools.longest, tool.longest_ms === null ? null : formats.duration(tool.longest_ms)],
              ]}
            />
          </Card>
          {mayChange && <Trial tool={tool} path={path} />}
        </div>
        <div className="grid gap-4">
          {mayChange && <Settings key={tool.tag} tool={tool} path={path} />}
          <Card title={t.tools.schema}><JsonView value={tool.parameters_schema} label={t.tools.schema} /></Card>
        </div>
      </div>
    </>
  );
}

interface Values {
  readonly webhook_url: string;
  readonly isWebhookCleared: boolean;
  readonly timeout_s: string;
  readonly confirm: boolean;
  readonly private: boolean;
}

function Settings({ tool, path }: { readonly tool: ClientTool; readonly path: Path }) {
  const t = useMessages();
  const toasts = useToasts();
  const { register, handleSubmit, formState } = useForm<Values>({
    defaultValues: { webhook_url: "", isWebhookCleared: false, timeout_s: String(tool.timeout_s), confirm: tool.confirm, private: tool.private },
  });
  const change = useChange("PATCH /admin/clients/{client_id}/tools/{tool_name}", { refreshes: [READ], onDone: () => toasts.say(t.common.saved) });
  const save = (values: Values): void => {
    const touched = formState.dirtyFields;
    const isWebhookGiven = values.webhook_url !== "" || values.isWebhookCleared;
    change.mutate({
      path,
      tag: `"${tool.tag}"`,
      body: {
        ...(isWebhookGiven && { webhook_url: values.isWebhookCleared ? null : values.webhook_url }),
        ...(touched.timeout_s && { timeout_s: Number(values.timeout_s) }),
        ...(touched.confirm && { confirm: values.confirm }),
        ...(touched.private && { private: values.private }),
      },
    });
  };
  const isOwn = tool.source !== null;
  const hasWebhook = tool.has_webhook || tool.plugin === null;
  return (
    <Card title={t.tools.settings}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(save)(event)}>
        {hasWebhook && <TextField label={t.tools.webhook} hint={tool.has_webhook ? t.tools.webhookSet : t.tools.webhookUnset} type="url" dir="ltr" autoComplete="off" {...register("webhook_url")} />}
        {tool.has_webhook && <Checkbox label={t.tools.clearWebhook} {...register("isWebhookCleared")} />}
        <TextField label={t.tools.timeout} inputMode="decimal" dir="ltr" error={formState.errors.timeout_s?.message} {...register("timeout_s", { validate: (text) => Number(text) > 0 || t.schemaForm.numberInvalid })} />
        {isOwn && <Checkbox label={t.tools.confirmFirst} {...register("confirm")} />}
        {isOwn && <Checkbox label={t.tools.privateOnly} {...register("private")} />}
        <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button></Actions>
      </form>
    </Card>
  );
}

function Trial({ tool, path }: { readonly tool: ClientTool; readonly path: Path }) {
  const t = useMessages();
  const { register, getValues } = useForm({ defaultValues: { visitor: "", mayAct: false } });
  const trial = useChange("POST /admin/clients/{client_id}/tools/{tool_name}/test", { isQuiet: true });
  return (
    <Card title={t.tools.test} hint={t.tools.testLead}>
      <SchemaForm
        schema={tool.parameters_schema as Schema}
        submit={t.tools.run}
        isBusy={trial.isPending}
        error={trial.error}
        onSubmit={(given) => {
          const { visitor, mayAct } = getValues();
          trial.mutate({ path, body: { arguments: given, may_act: mayAct, visitor_id: visitor || null } });
        }}
      >
        {tool.private && <TextField label={t.tools.visitor} dir="auto" {...register("visitor")} />}
        {!tool.read_only && <Checkbox label={t.tools.mayAct} {...register("mayAct")} />}
      </SchemaForm>
      {trial.data && <Outcome outcome={trial.data} />}
    </Card>
  );
}

const OUTCOME_TONES = { succeeded: "good", failed: "bad", unknown: "warn" } as const;

function Outcome({ outcome }: { readonly outcome: TrialOutcome }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <div role="status" className="mt-4 grid gap-2">
      <p className="flex items-center gap-2">
        <Badge tone={OUTCOME_TONES[outcome.status]}>{t.tools.trialStates[outcome.status]}</Badge>
        {t.tools.took(formats.duration(outcome.duration_ms))}
      </p>
      <Code text={pretty(outcome.response)} label={t.tools.answer} />
    </div>
  );
}
