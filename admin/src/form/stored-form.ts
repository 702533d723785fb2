/** A form over what the server has stored. */

import { useEffect, useRef } from "react";
import { type DefaultValues, type FieldValues, type Path, type SubmitErrorHandler, type SubmitHandler, type UseFormProps, type UseFormReturn, useForm } from "react-hook-form";

/** Where that has another tag, as after a save, the form goes on from what is stored now, but for what was typed meanwhile. */
export function useStoredForm<T extends FieldValues>(tag: string, stored: T, options: Pick<UseFormProps<T>, "mode"> = {}): UseFormReturn<T> {
  const form = useForm<T>({ ...options, defaultValues: stored as DefaultValues<T> });
  const settled = useRef({ tag, values: stored });
  useEffect(() => {
    if (settled.current.tag === tag) return;
    goOn(form, stored, settled.current.values);
    settled.current = { tag, values: stored };
    // What is stored changes with its tag only.
  }, [tag]);
  const handleSubmit = (onValid: SubmitHandler<T>, onInvalid?: SubmitErrorHandler<T>) =>
    form.handleSubmit((values) => {
      settled.current.values = structuredClone(values);
      return onValid(values);
    }, onInvalid);
  return { ...form, handleSubmit: handleSubmit as UseFormReturn<T>["handleSubmit"] };
}

function goOn<T extends FieldValues>({ getValues, reset, setValue }: UseFormReturn<T>, stored: T, settled: T): void {
  const shown = structuredClone(getValues());
  const names = Object.keys(stored) as Path<T>[];
  const isTyped = (name: Path<T>): boolean => !isSame(shown[name], settled[name]);
  // Before the reset, which forgets what is a list: the rows of one follow only as long as it is known for one.
  for (const name of names) if (!isTyped(name) && !isSame(shown[name], stored[name])) setValue(name, stored[name]);
  reset(stored, { keepValues: true });
  for (const name of names) if (isTyped(name)) setValue(name, shown[name], { shouldDirty: true });
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
