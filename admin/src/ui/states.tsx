/** What stands where data is not there yet, not at all, or could not be had. */

import { Inbox, type LucideIcon, RotateCw, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

import { ApiProblem } from "../api/client.ts";
import { useMessages } from "../language.tsx";
import type { Messages } from "../messages/en/index.ts";
import { Button } from "./button.tsx";

export function Skeleton({ rows = 6 }: { readonly rows?: number }) {
  const t = useMessages();
  return (
    <div role="status" aria-label={t.common.loading} className="grid gap-3 p-4">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="h-4 animate-pulse rounded-md bg-line even:w-3/4" />
      ))}
    </div>
  );
}

export function Empty({ title, children, icon: Icon = Inbox }: { readonly title: string; readonly children?: ReactNode; readonly icon?: LucideIcon }) {
  return (
    <div className="grid justify-items-center gap-2 px-4 py-12 text-center">
      <Icon size={28} aria-hidden="true" className="text-faint" />
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-prose text-soft">{children}</div>}
    </div>
  );
}

export function Failure({ error, onRetry }: { readonly error: Error; readonly onRetry?: () => void }) {
  const t = useMessages();
  return (
    <div role="alert" className="grid justify-items-center gap-2 px-4 py-12 text-center">
      <TriangleAlert size={28} aria-hidden="true" className="text-bad" />
      <p className="font-medium">{t.common.failed}</p>
      <p className="max-w-prose text-soft">{useReason(error)}</p>
      {error instanceof ApiProblem && error.requestId && <p className="font-mono text-xs text-faint">{t.common.requestId(error.requestId)}</p>}
      {onRetry && <Button icon={RotateCw} onClick={onRetry}>{t.common.retry}</Button>}
    </div>
  );
}

/** Above a form: why the server refused it. */
export function Refused({ error }: { readonly error: Error | null }) {
  const t = useMessages();
  return error && <div role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad wrap-anywhere">{reasonOf(error, t)}</div>;
}

/** Why something failed, in words: ours for what happens every day, else the server's. */
export function useReason(error: Error): string {
  return reasonOf(error, useMessages());
}

export function reasonOf(error: Error, t: Messages): string {
  if (!(error instanceof ApiProblem)) return error.message;
  if (error.status === 0) return t.common.unreachable;
  return (t.problems as Partial<Record<string, string>>)[error.code] ?? error.message;
}

export interface Reading<T> {
  readonly data: T | undefined;
  readonly error: Error | null;
  readonly refetch: () => unknown;
}

interface ShownProps<T> {
  readonly read: Reading<T>;
  /** What is shown in it, or below: where all come up at once nothing moves. One that failed is waited for no more. */
  readonly after?: readonly { readonly isFetched: boolean }[];
  readonly rows?: number;
  /** What keeps its room where a skeleton of some rows would not. */
  readonly room?: ReactNode;
  readonly children: (data: T) => ReactNode;
}

/** The one way a read is shown: skeleton, failure with a retry, or the data. */
export function Shown<T>({ read, after = [], rows, room, children }: ShownProps<T>) {
  const isComplete = after.every(({ isFetched }) => isFetched);
  if (read.data !== undefined && isComplete) return children(read.data);
  if (read.data === undefined && read.error) return <Failure error={read.error} onRetry={() => void read.refetch()} />;
  return room ?? <Skeleton {...(rows === undefined ? {} : { rows })} />;
}
