/** The menu beside the page. */

import { useEffect, useRef } from "react";
import { NavLink, useLocation } from "react-router";

import { useMessages } from "../language.tsx";
import { classes } from "../ui/classes.ts";
import { type Destination, useDestinations } from "./navigation.ts";

const GROUPS = ["installation", "client"] as const;

export function Sidebar() {
  const menu = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  useEffect(() => {
    // Its promise, in browsers that give one, is no clean-up.
    menu.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [pathname]);
  return (
    <aside ref={menu} className="sticky top-0 flex h-dvh flex-col overflow-y-auto border-e border-line bg-surface px-3 pb-6 phone:hidden">
      <Brand />
      <Destinations />
    </aside>
  );
}

export function Brand() {
  const t = useMessages();
  return (
    <p className="flex h-12 flex-none items-center gap-2 px-2 text-lg font-semibold tracking-tight">
      <img src="/dashboard/icon.svg" alt="" width="22" height="22" />
      {t.common.product}
    </p>
  );
}

export function Destinations() {
  const t = useMessages();
  const destinations = useDestinations();
  return (
    <nav aria-label={t.common.mainMenu} className="grid gap-4">
      {GROUPS.map((group) => {
        const shown = destinations.filter((destination) => destination.group === group);
        return shown.length > 0 && <Group key={group} title={t.shell.groups[group]} destinations={shown} />;
      })}
    </nav>
  );
}

function Group({ title, destinations }: { readonly title: string; readonly destinations: readonly Destination[] }) {
  return (
    <div>
      <p aria-hidden="true" className="px-2 pb-1 text-xs font-medium text-faint">{title}</p>
      <ul aria-label={title} className="grid gap-0.5">
        {destinations.map(({ to, title: text, icon: Icon }) => (
          <li key={to}>
            <NavLink
              to={to}
              end={to === "/" || /^\/clients(\/[^/]+)?$/.test(to)}
              className={({ isActive }) => classes("flex min-h-8 items-center gap-2.5 rounded-md px-2 phone:min-h-10", isActive ? "bg-accent-soft font-medium text-accent-strong" : "text-soft hover:bg-sunken hover:text-ink")}
            >
              {Icon && <Icon size={16} aria-hidden="true" className="flex-none" />}
              {text}
            </NavLink>
          </li>
        ))}
      </ul>
    </div>
  );
}
