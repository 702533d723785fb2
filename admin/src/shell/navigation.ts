/** The pages that the signed-in admin may see, with their addresses. */

import type { LucideIcon } from "lucide-react";

import { useMessages } from "../language.tsx";
import { type PageEntry, isOfClient, pages } from "../pages.ts";
import { type Role, useSession } from "../session.tsx";
import { useCurrentClient } from "./client.ts";

export interface Destination {
  readonly to: string;
  readonly title: string;
  readonly icon: LucideIcon | undefined;
  readonly key: string | undefined;
  readonly group: "client" | "installation";
}

export function useDestinations(): readonly Destination[] {
  const t = useMessages();
  const { role, client_ids } = useSession().admin;
  const clientId = useCurrentClient();
  return pages.flatMap((page) => {
    const to = addressOf(page, clientId);
    if (page.title === undefined || to === undefined || !page.roles.includes(role as Role) || !isReached(page, client_ids)) return [];
    return [{ to, title: page.title(t), icon: page.icon, key: page.key, group: isOfClient(page) ? "client" : "installation" }];
  });
}

function isReached({ reach }: PageEntry, clientIds: readonly string[] | null): boolean {
  if (clientIds === null || reach === undefined) return true;
  return reach === "several" && clientIds.length > 1;
}

function addressOf(page: PageEntry, clientId: string | undefined): string | undefined {
  if (!isOfClient(page)) return `/${page.path}`;
  return clientId && `/${page.path.replace(":clientId", clientId)}`;
}
