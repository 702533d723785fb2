/** Buttons, and links that look like them. */

import type { LucideIcon } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";
import { Link, type LinkProps } from "react-router";

import { classes } from "./classes.ts";
import { Hint } from "./hint.tsx";

const LOOKS = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  plain: "border border-line bg-surface text-ink hover:bg-sunken",
  quiet: "text-soft hover:bg-sunken hover:text-ink",
  danger: "border border-line bg-surface text-bad hover:bg-bad-soft",
} as const;

const BASE =
  "inline-flex min-h-8 items-center justify-center gap-1.5 rounded-md px-2.5 font-medium whitespace-nowrap transition-colors disabled:cursor-not-allowed disabled:opacity-55 phone:min-h-10";

type Look = keyof typeof LOOKS;

interface Shared {
  readonly look?: Look;
  readonly icon?: LucideIcon;
}

export function Button({ look = "plain", icon: Icon, isBusy = false, className, children, ...rest }: ComponentProps<"button"> & Shared & { readonly isBusy?: boolean }) {
  return (
    <button type="button" {...rest} aria-disabled={isBusy || undefined} disabled={rest.disabled || isBusy} className={classes(BASE, LOOKS[look], className)}>
      {Icon && <Icon size={15} aria-hidden="true" />}
      {children}
    </button>
  );
}

/** A button of which only the icon is seen; its name is read, and shown on hover and focus. */
export function IconButton({ icon: Icon, label, look = "quiet", className, ...rest }: Omit<ComponentProps<"button">, "children"> & { readonly icon: LucideIcon; readonly label: string; readonly look?: Look }) {
  return (
    <Hint text={label}>
      <button type="button" aria-label={label} {...rest} className={classes(BASE, "w-8 px-0! phone:w-10", LOOKS[look], className)}>
        <Icon size={16} aria-hidden="true" />
      </button>
    </Hint>
  );
}

export function ButtonLink({ look = "plain", icon: Icon, className, children, ...rest }: LinkProps & Shared) {
  return (
    <Link {...rest} className={classes(BASE, LOOKS[look], className)}>
      {Icon && <Icon size={15} aria-hidden="true" />}
      {children}
    </Link>
  );
}

/** A link to a file that the server makes, which the browser saves. */
export function DownloadLink({ href, icon: Icon, children }: { readonly href: string; readonly icon?: LucideIcon; readonly children: ReactNode }) {
  return (
    <a href={href} download className={classes(BASE, LOOKS.plain)}>
      {Icon && <Icon size={15} aria-hidden="true" />}
      {children}
    </a>
  );
}
