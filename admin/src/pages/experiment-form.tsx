/** An experiment, new or still a draft. */

import { Plus, Trash2 } from "lucide-react";
import { useFieldArray, useForm } from "react-hook-form";
import { useNavigate } from "react-router";

import type { Tagged } from "../api/client.ts";
import { useChange } from "../api/query.ts";
import type { ArmState, ExperimentState } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { linesOf } from "../lines.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { READ_EXPERIMENTS } from "./experiments.tsx";

interface Arm {
  readonly name: string;
  readonly weight: string;
  readonly chain: string;
  readonly prompt: string;
  readonly temperature: string;
}

interface Props {
  readonly clientId: string;
  readonly state?: Tagged<ExperimentState>;
  readonly onClose: () => void;
}

const LEAST_ARMS = 2;
const NEW: Arm = { name: "", weight: "1", chain: "", prompt: "", temperature: "" };

export function ExperimentForm({ clientId, state, onClose }: Props) {
  const t = useMessages();
  const navigate = useNavigate();
  const { register, control, handleSubmit, formState } = useForm<{ name: string; arms: Arm[] }>({
    defaultValues: { name: state?.data.name ?? "", arms: state?.data.arms.map(armOf) ?? [{ ...NEW, name: "a" }, { ...NEW, name: "b" }] },
  });
  const arms = useFieldArray({ control, name: "arms" });
  const refreshes = [READ_EXPERIMENTS, "GET /admin/clients/{client_id}/experiments/{experiment_id}"] as const;
  const add = useChange("POST /admin/clients/{client_id}/experiments", { refreshes, onDone: ({ id }) => void navigate(`/clients/${clientId}/experiments/${id}`) });
  const change = useChange("PUT /admin/clients/{client_id}/experiments/{experiment_id}", { refreshes, onDone: onClose });
  const save = handleSubmit((values) => {
    const body = { name: values.name, arms: values.arms.map(bodyOf) };
    if (state) change.mutate({ path: { client_id: clientId, experiment_id: state.data.id }, tag: state.tag, body });
    else add.mutate({ path: { client_id: clientId }, body });
  });
  const required = { required: t.schemaForm.required };
  const number = { validate: (text: string) => Number.isFinite(Number(text)) || t.schemaForm.numberInvalid };
  return (
    <Dialog title={state ? t.experiments.edit : t.experiments.add} isOpen isWide onClose={onClose}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void save(event)}>
        <TextField label={t.experiments.name} dir="auto" isRequired error={formState.errors.name?.message} {...register("name", required)} />
        {arms.fields.map((field, index) => {
          const faults = formState.errors.arms?.[index];
          return (
            <fieldset key={field.id} className="grid gap-3 rounded-md border border-line p-3">
              <legend className="px-1 font-medium">{t.experiments.arm(index + 1)}</legend>
              <div className="grid items-end gap-3 sm:grid-cols-[1fr_6rem_8rem_auto]">
                <TextField label={t.experiments.armName} dir="auto" error={faults?.name?.message} {...register(`arms.${index}.name`, required)} />
                <TextField label={t.experiments.weight} inputMode="numeric" dir="ltr" error={faults?.weight?.message} {...register(`arms.${index}.weight`, number)} />
                <TextField label={t.experiments.temperature} inputMode="decimal" dir="ltr" error={faults?.temperature?.message} {...register(`arms.${index}.temperature`, number)} />
                <IconButton icon={Trash2} label={t.experiments.removeArm(index + 1)} disabled={arms.fields.length <= LEAST_ARMS} onClick={() => arms.remove(index)} />
              </div>
              <TextArea label={t.experiments.chain} hint={t.experiments.chainHint} dir="ltr" rows={2} {...register(`arms.${index}.chain`)} />
              <TextArea label={t.experiments.prompt} dir="auto" rows={2} {...register(`arms.${index}.prompt`)} />
            </fieldset>
          );
        })}
        <Button icon={Plus} className="justify-self-start" onClick={() => arms.append(NEW)}>{t.experiments.addArm}</Button>
        <Actions>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" isBusy={add.isPending || change.isPending}>{t.common.save}</Button>
        </Actions>
      </form>
    </Dialog>
  );
}

function armOf({ name, weight = 1, chain = [], prompt = "", temperature = null }: ArmState): Arm {
  return { name, weight: String(weight), chain: chain.join("\n"), prompt, temperature: temperature === null ? "" : String(temperature) };
}

function bodyOf({ name, weight, chain, prompt, temperature }: Arm): ArmState {
  return { name, weight: Number(weight), chain: linesOf(chain), prompt, temperature: temperature.trim() === "" ? null : Number(temperature) };
}
