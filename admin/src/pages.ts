/** Every page there is: an entry here gives it an address, a place in the menu, a shortcut, and a line in the palette. */

import { BadgeDollarSign, Blocks, BookOpen, Bot, Building2, Cable, ChartColumn, FlaskConical, Gauge, Headset, HeartPulse, History, KeyRound, LayoutDashboard, type LucideIcon, MessageSquareCode, MessagesSquare, Paintbrush, Puzzle, RadioTower, ReceiptText, ScrollText, ThumbsUp, Timer, Users, Wrench } from "lucide-react";
import type { ComponentType } from "react";

import type { Messages } from "./messages/en/index.ts";
import { ALL_ROLES, CHANGERS, OWNERS, READERS, type Role } from "./session.tsx";

export interface PageEntry {
  /** Below `/dashboard/`; pages of one client begin with `clients/:clientId/`. */
  readonly path: string;
  readonly load: () => Promise<{ readonly Component: ComponentType }>;
  readonly roles: readonly Role[];
  /** Left out: one client is enough to see it. Else for who operates several, or the whole installation. */
  readonly reach?: "several" | "installation";
  /** How the menu and the palette name it; a page without one is reached from another. */
  readonly title?: (t: Messages) => string;
  readonly icon?: LucideIcon;
  /** The key that leads here after `g`. */
  readonly key?: string;
}

export const pages: readonly PageEntry[] = [
  { path: "", load: () => import("./pages/home.tsx"), roles: READERS, reach: "several", title: (t) => t.home.title, icon: LayoutDashboard, key: "h" },
  { path: "clients", load: () => import("./pages/clients.tsx"), roles: READERS, reach: "several", title: (t) => t.clients.title, icon: Building2, key: "c" },
  { path: "clients/:clientId", load: () => import("./pages/client.tsx"), roles: READERS, title: (t) => t.clients.overview, icon: Gauge, key: "o" },
  { path: "clients/:clientId/desk", load: () => import("./pages/desk.tsx"), roles: ALL_ROLES, title: (t) => t.desk.title, icon: Headset, key: "d" },
  { path: "clients/:clientId/desk/:conversationId", load: () => import("./pages/desk-conversation.tsx"), roles: ALL_ROLES },
  { path: "clients/:clientId/conversations", load: () => import("./pages/conversations.tsx"), roles: ALL_ROLES, title: (t) => t.conversations.title, icon: MessagesSquare },
  { path: "clients/:clientId/conversations/:conversationId", load: () => import("./pages/conversation.tsx"), roles: ALL_ROLES },
  { path: "clients/:clientId/branding", load: () => import("./pages/branding.tsx"), roles: READERS, title: (t) => t.branding.title, icon: Paintbrush, key: "r" },
  { path: "clients/:clientId/plugins", load: () => import("./pages/client-plugins.tsx"), roles: READERS, title: (t) => t.plugins.title, icon: Puzzle, key: "l" },
  { path: "clients/:clientId/plugins/:pluginId", load: () => import("./pages/client-plugin.tsx"), roles: READERS },
  { path: "clients/:clientId/tools", load: () => import("./pages/client-tools.tsx"), roles: READERS, title: (t) => t.tools.title, icon: Wrench, key: "t" },
  { path: "clients/:clientId/tools/:toolName", load: () => import("./pages/client-tool.tsx"), roles: READERS },
  { path: "clients/:clientId/tool-calls", load: () => import("./pages/tool-calls.tsx"), roles: READERS, title: (t) => t.tools.history, icon: History },
  { path: "clients/:clientId/integrations", load: () => import("./pages/integrations.tsx"), roles: READERS, title: (t) => t.integrations.title, icon: Cable, key: "i" },
  { path: "clients/:clientId/integrations/:integrationId", load: () => import("./pages/integration.tsx"), roles: READERS },
  { path: "clients/:clientId/knowledge", load: () => import("./pages/knowledge.tsx"), roles: READERS, title: (t) => t.knowledge.title, icon: BookOpen, key: "k" },
  { path: "clients/:clientId/models", load: () => import("./pages/client-models.tsx"), roles: READERS, title: (t) => t.models.clientTitle, icon: Bot, key: "m" },
  { path: "clients/:clientId/test-chat", load: () => import("./pages/test-chat.tsx"), roles: CHANGERS, title: (t) => t.testChat.title, icon: MessageSquareCode, key: "e" },
  { path: "clients/:clientId/experiments", load: () => import("./pages/experiments.tsx"), roles: READERS, title: (t) => t.experiments.title, icon: FlaskConical },
  { path: "clients/:clientId/experiments/:experimentId", load: () => import("./pages/experiment.tsx"), roles: READERS },
  { path: "clients/:clientId/channels", load: () => import("./pages/channels.tsx"), roles: READERS, title: (t) => t.channels.title, icon: RadioTower },
  { path: "clients/:clientId/channels/:accountId", load: () => import("./pages/channel.tsx"), roles: READERS },
  { path: "clients/:clientId/feedback", load: () => import("./pages/feedback.tsx"), roles: READERS, title: (t) => t.feedback.title, icon: ThumbsUp },
  { path: "clients/:clientId/usage", load: () => import("./pages/client-usage.tsx"), roles: READERS, title: (t) => t.usage.title, icon: ChartColumn, key: "u" },
  { path: "clients/:clientId/invoices", load: () => import("./pages/invoices.tsx"), roles: READERS, title: (t) => t.invoices.title, icon: ReceiptText },
  { path: "clients/:clientId/payer", load: () => import("./pages/payer.tsx"), roles: READERS },
  { path: "conversations", load: () => import("./pages/conversations.tsx"), roles: ALL_ROLES, reach: "several", title: (t) => t.conversations.title, icon: MessagesSquare, key: "v" },
  { path: "conversations/:conversationId", load: () => import("./pages/conversation.tsx"), roles: ALL_ROLES },
  { path: "usage", load: () => import("./pages/usage.tsx"), roles: READERS, reach: "installation", title: (t) => t.usage.title, icon: ChartColumn },
  { path: "invoices", load: () => import("./pages/invoices.tsx"), roles: READERS, reach: "installation", title: (t) => t.invoices.title, icon: ReceiptText, key: "b" },
  { path: "invoices/:invoiceId", load: () => import("./pages/invoice.tsx"), roles: READERS, reach: "installation" },
  { path: "plans", load: () => import("./pages/plans.tsx"), roles: READERS, reach: "installation", title: (t) => t.plans.title, icon: BadgeDollarSign },
  { path: "plans/:plan", load: () => import("./pages/plan.tsx"), roles: READERS, reach: "installation" },
  { path: "tools", load: () => import("./pages/catalog.tsx"), roles: READERS, title: (t) => t.catalog.title, icon: Wrench },
  { path: "tools/:toolName", load: () => import("./pages/catalog-tool.tsx"), roles: READERS },
  { path: "tools/:toolName/edit", load: () => import("./pages/catalog-tool-edit.tsx"), roles: CHANGERS, reach: "installation" },
  { path: "add-tool", load: () => import("./pages/catalog-tool-add.tsx"), roles: CHANGERS, reach: "installation" },
  { path: "models", load: () => import("./pages/models.tsx"), roles: READERS, reach: "installation", title: (t) => t.models.title, icon: Bot },
  { path: "plugins", load: () => import("./pages/plugins.tsx"), roles: READERS, reach: "installation", title: (t) => t.plugins.title, icon: Blocks, key: "p" },
  { path: "jobs", load: () => import("./pages/jobs.tsx"), roles: READERS, reach: "installation", title: (t) => t.jobs.title, icon: Timer, key: "j" },
  { path: "health", load: () => import("./pages/health.tsx"), roles: READERS, reach: "installation", title: (t) => t.health.title, icon: HeartPulse },
  { path: "admins", load: () => import("./pages/admins.tsx"), roles: OWNERS, title: (t) => t.admins.title, icon: Users },
  { path: "admins/:adminId", load: () => import("./pages/admin.tsx"), roles: OWNERS },
  { path: "tokens", load: () => import("./pages/tokens.tsx"), roles: ALL_ROLES, title: (t) => t.tokens.title, icon: KeyRound },
  { path: "account", load: () => import("./pages/account.tsx"), roles: ALL_ROLES },
  { path: "audit", load: () => import("./pages/audit.tsx"), roles: READERS, title: (t) => t.audit.title, icon: ScrollText, key: "a" },
];

export function isOfClient(page: PageEntry): boolean {
  return page.path.startsWith("clients/:clientId");
}
