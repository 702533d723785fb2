/** The fields of a branding. */

import type { UseFormReturn } from "react-hook-form";

import { useMessages } from "../language.tsx";
import { Checkbox, SelectField, TextArea, TextField } from "../ui/field.tsx";
import { Card } from "../ui/surface.tsx";
import type { BrandingValues } from "./branding-values.ts";

const COLOR = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i;

interface Props {
  readonly form: UseFormReturn<BrandingValues>;
  readonly faults: Readonly<Record<string, string>>;
}

export function BrandingFields({ form: { register, formState, watch, setValue }, faults }: Props) {
  const t = useMessages();
  const of = (name: keyof BrandingValues) => ({ ...register(name), error: formState.errors[name]?.message ?? faults[name] });
  const choices = (named: Readonly<Record<string, string>>) => [{ value: "", label: t.branding.own }, ...Object.entries(named).map(([value, label]) => ({ value, label }))];
  const color = register("primary_color", { validate: (text) => text.trim() === "" || COLOR.test(text.trim()) || t.branding.colorInvalid });
  const picked = watch("primary_color");
  return (
    <>
      <Card title={t.branding.look}>
        <div className="grid gap-4 sm:grid-cols-2">
          <div className="flex items-start gap-2">
            <div className="flex-1"><TextField label={t.branding.color} hint={t.branding.colorHint} dir="ltr" {...color} error={formState.errors.primary_color?.message ?? faults["primary_color"]} /></div>
            <input type="color" aria-label={t.branding.color} className="mt-6 h-8 w-10 rounded-md border border-line-strong" value={/^#[0-9a-f]{6}$/i.test(picked) ? picked : "#3b5bdb"} onChange={(event) => setValue("primary_color", event.target.value, { shouldDirty: true, shouldValidate: true })} />
          </div>
          <TextField label={t.branding.logo} hint={t.branding.logoHint} type="url" dir="ltr" {...of("logo_url")} />
          <SelectField label={t.branding.position} choices={choices(t.branding.positions)} {...of("position")} />
          <SelectField label={t.branding.theme} choices={choices(t.branding.themes)} {...of("theme")} />
        </div>
      </Card>
      <Card title={t.branding.words}>
        <div className="grid gap-4">
          <TextField label={t.branding.titleField} hint={t.branding.titleHint} dir="auto" maxLength={100} {...of("title")} />
          <TextArea label={t.branding.greeting} dir="auto" maxLength={1000} {...of("greeting")} />
          <TextArea label={t.branding.quickReplies} hint={t.branding.quickRepliesHint} dir="auto" {...of("quick_replies")} />
        </div>
      </Card>
      <Card title={t.branding.offers}>
        <div className="grid gap-3 sm:grid-cols-2">
          <Checkbox label={t.branding.handoff} {...register("handoff")} />
          <Checkbox label={t.branding.emailFollowUp} {...register("email_follow_up")} />
          <Checkbox label={t.branding.feedback} {...register("feedback")} />
          <Checkbox label={t.branding.rating} {...register("rating")} />
          <Checkbox label={t.branding.transcript} {...register("transcript")} />
        </div>
      </Card>
      <Card title={t.branding.privacy}>
        <div className="grid gap-4">
          <Checkbox label={t.branding.aiNotice} {...register("isAiSaid")} />
          <TextField label={t.branding.aiNoticeText} dir="auto" {...of("ai_notice_text")} />
          <TextArea label={t.branding.privacyText} dir="auto" {...of("privacy_text")} />
          <TextField label={t.branding.privacyUrl} type="url" dir="ltr" {...of("privacy_url")} />
          <Checkbox label={t.branding.consent} {...register("isConsentAsked")} />
        </div>
      </Card>
      <Card title={t.branding.hosts}>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextArea label={t.branding.linkHosts} hint={t.branding.linkHostsHint} dir="ltr" {...of("link_hosts")} />
          <TextArea label={t.branding.imageHosts} hint={t.branding.imageHostsHint} dir="ltr" {...of("image_hosts")} />
        </div>
      </Card>
    </>
  );
}
