/** A page: its title in the window and as its heading, which takes the focus when the page comes up. */

import { type ReactNode, useEffect, useRef } from "react";
import { NavLink } from "react-router";

import { useMessages } from "../language.tsx";
import { classes } from "./classes.ts";

interface PageProps {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function Page({ title, lead, actions, children }: PageProps) {
  const t = useMessages();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${t.common.product}`;
  }, [title, t]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <div className="mx-auto grid w-full max-w-7xl min-w-0 grid-cols-1 content-start gap-4 p-4 sm:p-6">
      <header className="flex flex-wrap items-start gap-3">
        <div className="min-w-48 flex-1">
          <h1 ref={heading} tabIndex={-1} className="text-xl font-semibold tracking-tight wrap-anywhere"><bdi>{title}</bdi></h1>
          {lead && <div className="max-w-prose text-soft">{lead}</div>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** The bar of filters above a list. */
export function Filters({ children }: { readonly children: ReactNode }) {
  const t = useMessages();
  return <search aria-label={t.common.filters} className="flex flex-wrap items-center gap-2">{children}</search>;
}

/** Views of one thing, each with an address of its own. */
export function TabLinks({ label, tabs }: { readonly label: string; readonly tabs: readonly { readonly to: string; readonly text: string; readonly isEnd?: boolean }[] }) {
  return (
    <nav aria-label={label} className="flex gap-1 overflow-x-auto border-b border-line">
      {tabs.map(({ to, text, isEnd = false }) => (
        <NavLink key={to} to={to} end={isEnd} className={({ isActive }) => classes("-mb-px border-b-2 px-3 py-2 font-medium whitespace-nowrap", isActive ? "border-accent text-ink" : "border-transparent text-soft hover:text-ink")}>
          {text}
        </NavLink>
      ))}
    </nav>
  );
}
