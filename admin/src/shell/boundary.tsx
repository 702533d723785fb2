/** What stands in place of a page that failed while it was drawn. */

import { Component, type ReactNode } from "react";

import { useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { isStale } from "../ui/deferred.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Failure } from "../ui/states.tsx";

interface Props {
  /** Where one is: at another place it is tried anew. */
  readonly at: string;
  readonly children: ReactNode;
}

interface State {
  readonly at: string;
  readonly failed?: { readonly error: unknown } | undefined;
}

export class Boundary extends Component<Props, State> {
  override readonly state: State = { at: this.props.at };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { failed: { error } };
  }

  static getDerivedStateFromProps({ at }: Props, state: State): State | null {
    return at === state.at ? null : { at, failed: undefined };
  }

  override render(): ReactNode {
    const { failed } = this.state;
    return failed === undefined ? this.props.children : <Broken error={failed.error} />;
  }
}

/** Also where its file is gone, as the server was renewed meanwhile. */
function Broken({ error }: { readonly error: unknown }) {
  const t = useMessages();
  return (
    <Page title={t.common.failed}>
      {isStale(error) ? <Empty title={t.common.staleBuild} /> : <Failure error={error instanceof Error ? error : new Error(String(error))} />}
      <div className="text-center"><Button onClick={() => location.reload()}>{t.common.reload}</Button></div>
    </Page>
  );
}
