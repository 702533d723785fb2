/** Fields of forms: a label, the control, what it is for, and what is wrong with it. */

import { type ComponentProps, type ReactNode, useId } from "react";

import { classes } from "./classes.ts";

const CONTROL =
  "w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 py-1.5 text-ink aria-invalid:border-bad disabled:opacity-60 phone:py-2 phone:text-lg";

export interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  readonly isRequired?: boolean;
}

interface Wiring {
  readonly id: string;
  readonly "aria-invalid": boolean | undefined;
  readonly "aria-describedby": string | undefined;
  readonly "aria-required": boolean | undefined;
}

/** Draws the label, hint and error around a control that takes the wiring. */
export function Field({ label, hint, error, isRequired = false, children }: FieldProps & { readonly children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
        {isRequired && <span aria-hidden="true" className="text-bad"> *</span>}
      </label>
      {children({ id, "aria-invalid": error ? true : undefined, "aria-describedby": described || undefined, "aria-required": isRequired || undefined })}
      {hint && <p id={`${id}-hint`} className="text-xs text-faint">{hint}</p>}
      {error && <p id={`${id}-error`} role="alert" className="text-xs font-medium text-bad">{error}</p>}
    </div>
  );
}

export function TextField({ label, hint, error, isRequired, ...rest }: FieldProps & ComponentProps<"input">) {
  return (
    <Field {...{ label, hint, isRequired: isRequired ?? false, error }}>
      {(wiring) => <input {...rest} {...wiring} className={classes(CONTROL, rest.className)} />}
    </Field>
  );
}

export function TextArea({ label, hint, error, isRequired, ...rest }: FieldProps & ComponentProps<"textarea">) {
  return (
    <Field {...{ label, hint, isRequired: isRequired ?? false, error }}>
      {(wiring) => <textarea rows={3} {...rest} {...wiring} className={classes(CONTROL, rest.className)} />}
    </Field>
  );
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export function SelectField({ label, hint, error, isRequired, choices, ...rest }: FieldProps & ComponentProps<"select"> & { readonly choices: readonly Choice[] }) {
  return (
    <Field {...{ label, hint, isRequired: isRequired ?? false, error }}>
      {(wiring) => (
        <select {...rest} {...wiring} className={classes(CONTROL, rest.className)}>
          {choices.map(({ value, label: shown }) => <option key={value} value={value}>{shown}</option>)}
        </select>
      )}
    </Field>
  );
}

/** A select whose label is only read: for the bar of filters above a list. */
export function FilterSelect({ label, value, choices, onChoose }: { readonly label: string; readonly value: string; readonly choices: readonly Choice[]; readonly onChoose: (value: string) => void }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChoose(event.target.value)} className={classes(CONTROL, "w-auto! max-w-56")}>
      {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}
    </select>
  );
}

export function FilterText({ label, ...rest }: ComponentProps<"input"> & { readonly label: string }) {
  return <input type="search" aria-label={label} placeholder={label} {...rest} className={classes(CONTROL, "w-72! phone:w-full!")} />;
}

/** A day; its label stands before it, as an empty one says nothing of itself. */
export function FilterDate({ label, ...rest }: ComponentProps<"input"> & { readonly label: string }) {
  return (
    <label className="inline-flex items-center gap-2 text-sm text-soft">
      {label}
      <input type="date" {...rest} className={classes(CONTROL, "w-auto!")} />
    </label>
  );
}

export function Checkbox({ label, hint, error, ...rest }: FieldProps & ComponentProps<"input">) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="grid grid-cols-[auto_1fr] gap-x-2">
      <input type="checkbox" {...rest} id={id} aria-describedby={described || undefined} className="mt-0.5 size-4 accent-accent" />
      <label htmlFor={id} className="text-sm font-medium">{label}</label>
      {hint && <p id={`${id}-hint`} className="col-start-2 text-xs text-faint">{hint}</p>}
      {error && <p id={`${id}-error`} role="alert" className="col-start-2 text-xs font-medium text-bad">{error}</p>}
    </div>
  );
}

/** On or off, at once. */
export function Switch({ label, isOn, onChange, disabled = false }: { readonly label: string; readonly isOn: boolean; readonly onChange: (isOn: boolean) => void; readonly disabled?: boolean }) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={isOn}
      aria-label={label}
      disabled={disabled}
      onClick={() => onChange(!isOn)}
      className={classes("inline-flex h-6 w-10 flex-none items-center rounded-full border p-0.5 transition-colors disabled:opacity-55", isOn ? "border-accent bg-accent" : "border-line-strong bg-sunken")}
    >
      <span className={classes("size-4.5 rounded-full transition-[margin]", isOn ? "ms-4 bg-on-accent" : "ms-0 bg-line-strong")} />
    </button>
  );
}
