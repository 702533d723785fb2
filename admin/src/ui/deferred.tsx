/** Parts of the interface in files of their own, which come when they are shown, or in idle time before. */

import { Component, type ComponentType, type ReactNode, Suspense, use } from "react";

import { useMessages } from "../language.tsx";
import { useToasts } from "./toast.tsx";

/** How long a failure stands, as React draws a part again right after it. */
const FAILED_MS = 1_000;

let waiting: (() => Promise<void>)[] = [];

/** Like React's `lazy`, but drawn at once where its file is there already: `lazy` comes with its fallback first
 * even then, and React keeps a fallback for 300 ms. */
export function deferred<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> & { readonly fetch: () => Promise<void> } {
  let Part: ComponentType<P> | undefined;
  let loading: Promise<void> | undefined;
  const begin = () => (loading ??= load().then((loaded) => void (Part = loaded), failed));
  // What could not be had is asked for again the next time that it is shown.
  const failed = (error: unknown): never => {
    setTimeout(() => (loading = undefined), FAILED_MS);
    throw error;
  };
  const fetch = () => begin().catch(() => undefined);
  waiting.push(fetch);
  function Deferred(props: P) {
    if (Part === undefined) use(begin());
    return Part && <Part {...props} />;
  }
  return Object.assign(Deferred, { fetch });
}

/** Fetch every part that there is, then those that the fetched ones have. */
export async function fetchDeferred(): Promise<void> {
  while (waiting.length > 0) {
    const next = waiting;
    waiting = [];
    await Promise.all(next.map((fetch) => fetch()));
  }
}

/** What lies over the page and comes in a file of its own: where it fails, the page stays. */
export function Overlay({ onClose, children }: { readonly onClose: () => void; readonly children: ReactNode }) {
  const t = useMessages();
  const toasts = useToasts();
  const fail = (error: Error): void => {
    toasts.fail(isStale(error) ? new Error(t.common.staleBuild) : error);
    onClose();
  };
  return <Apart onFail={fail}><Suspense>{children}</Suspense></Apart>;
}

/** Whether its file is gone, as the server was renewed meanwhile, or cannot be reached. */
export function isStale(error: unknown): boolean {
  return error instanceof TypeError && error.message.includes("import");
}

interface ApartProps {
  readonly onFail: (error: Error) => void;
  readonly children: ReactNode;
}

class Apart extends Component<ApartProps, { readonly hasFailed: boolean }> {
  override readonly state = { hasFailed: false };

  static getDerivedStateFromError(): { readonly hasFailed: boolean } {
    return { hasFailed: true };
  }

  override componentDidCatch(error: Error): void {
    this.props.onFail(error);
  }

  override render(): ReactNode {
    return !this.state.hasFailed && this.props.children;
  }
}
