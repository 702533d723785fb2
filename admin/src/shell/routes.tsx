/** The addresses of the dashboard, made of the list of pages. */

import { type ComponentType, Suspense } from "react";
import { BrowserRouter, type RouteObject, matchRoutes, useLocation, useRoutes } from "react-router";

import { useMessages } from "../language.tsx";
import { pages } from "../pages.ts";
import { ButtonLink } from "../ui/button.tsx";
import { deferred, fetchDeferred } from "../ui/deferred.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Skeleton } from "../ui/states.tsx";
import { Boundary } from "./boundary.tsx";

const BASE = "/dashboard";

type Load = () => Promise<{ readonly Component: ComponentType }>;

const inside = pages.map(({ path, load }) => (path === "" ? { index: true as const, ...shown(load) } : { path, ...shown(load) }));
const routes: RouteObject[] = [
  { path: "login", ...shown(() => import("../pages/login.tsx")) },
  { path: "welcome", ...shown(() => import("../pages/welcome.tsx")) },
  { ...shown(() => import("./shell.tsx")), children: [...inside, { path: "*", Component: NotFound }] },
];

function shown(load: Load) {
  const Component = deferred(() => load().then((loaded) => loaded.Component));
  return { Component, handle: Component.fetch };
}

/** Fetch what the page is made of that the address asks for. */
export async function fetchFirst(): Promise<void> {
  const matches = matchRoutes(routes, location, BASE) ?? [];
  await Promise.all(matches.map(({ route }) => (route.handle as (() => Promise<void>) | undefined)?.()));
}

/** Fetch the rest while nothing else is to be done, so that going there takes no time. */
export function warmUp(): () => void {
  const later = requestIdleCallback(() => void fetchDeferred(), { timeout: 5_000 });
  return () => cancelIdleCallback(later);
}

export function Router() {
  return <BrowserRouter basename={BASE}><Pages /></BrowserRouter>;
}

function Pages() {
  const { key } = useLocation();
  return (
    <Boundary at={key}>
      <Suspense fallback={<Skeleton />}>{useRoutes(routes)}</Suspense>
    </Boundary>
  );
}

function NotFound() {
  const t = useMessages();
  return (
    <Page title={t.common.notFound}>
      <Empty title={t.common.notFoundLead}><ButtonLink to="/">{t.common.toStart}</ButtonLink></Empty>
    </Page>
  );
}
