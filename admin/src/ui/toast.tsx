/** Short news at the edge of the window, with a way back where there is one. */

import { X } from "lucide-react";
import { type ReactNode, createContext, use, useCallback, useEffect, useMemo, useState } from "react";

import { useMessages } from "../language.tsx";
import { classes } from "./classes.ts";
import { reasonOf } from "./states.tsx";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly isBad: boolean;
  readonly undo?: (() => void) | undefined;
}

interface Toasts {
  readonly say: (text: string, undo?: () => void) => void;
  readonly fail: (error: Error) => void;
}

const SHOWN_MS = 6_000;
const SHOWN_AT_ONCE = 3;
const Context = createContext<Toasts | null>(null);

export function useToasts(): Toasts {
  const toasts = use(Context);
  if (toasts === null) throw new Error("There is no ToastProvider around this.");
  return toasts;
}

let last = 0;

export function ToastProvider({ children }: { readonly children: ReactNode }) {
  const t = useMessages();
  const [shown, setShown] = useState<readonly Toast[]>([]);
  const add = useCallback((toast: Omit<Toast, "id">) => setShown((before) => [...before, { ...toast, id: ++last }].slice(-SHOWN_AT_ONCE)), []);
  const drop = useCallback((id: number) => setShown((before) => before.filter((toast) => toast.id !== id)), []);
  const toasts = useMemo<Toasts>(
    () => ({
      say: (text, undo) => add({ text, isBad: false, undo }),
      fail: (error) => add({ text: reasonOf(error, t), isBad: true }),
    }),
    [add, t],
  );
  return (
    <Context value={toasts}>
      {children}
      <section aria-label={t.common.news} className="pointer-events-none fixed inset-x-0 bottom-0 z-50 grid justify-items-center gap-2 p-4 sm:justify-items-end">
        <div role="status" aria-live="polite" className="grid gap-2">
          {shown.map((toast) => <Shown key={toast.id} toast={toast} onDrop={drop} />)}
        </div>
      </section>
    </Context>
  );
}

function Shown({ toast, onDrop }: { readonly toast: Toast; readonly onDrop: (id: number) => void }) {
  const t = useMessages();
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    // What went wrong stays until it is read.
    if (toast.isBad || isHeld) return undefined;
    const timer = setTimeout(() => onDrop(toast.id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [toast, isHeld, onDrop]);
  return (
    <div
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className={classes("pointer-events-auto flex max-w-md items-start gap-3 rounded-lg border bg-raised px-3 py-2 shadow-pop", toast.isBad ? "border-bad" : "border-line")}
    >
      <p className="min-w-0 flex-1 py-0.5 wrap-anywhere">{toast.text}</p>
      {toast.undo && (
        <button type="button" className="rounded-md px-1 py-0.5 font-semibold text-accent" onClick={() => { toast.undo?.(); onDrop(toast.id); }}>
          {t.common.undo}
        </button>
      )}
      <button type="button" aria-label={t.common.close} className="rounded-md p-1 text-faint hover:text-ink" onClick={() => onDrop(toast.id)}>
        <X size={14} aria-hidden="true" />
      </button>
    </div>
  );
}
