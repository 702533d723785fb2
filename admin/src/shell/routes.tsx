/** The addresses of the dashboard, made of the list of pages. */

import { type RouteObject, createBrowserRouter, useRouteError } from "react-router";

import { useMessages } from "../language.tsx";
import { pages } from "../pages.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../ui/states.tsx";

export function createRouter() {
  const inside: RouteObject[] = pages.map(({ path, load }) => ({ ...(path === "" ? { index: true } : { path }), lazy: load, ErrorBoundary: Broken }) as RouteObject);
  return createBrowserRouter(
    [
      { path: "login", lazy: () => import("../pages/login.tsx"), ErrorBoundary: Broken, HydrateFallback: Skeleton },
      { path: "welcome", lazy: () => import("../pages/welcome.tsx"), ErrorBoundary: Broken, HydrateFallback: Skeleton },
      { lazy: () => import("./shell.tsx"), ErrorBoundary: Broken, HydrateFallback: Skeleton, children: [...inside, { path: "*", Component: NotFound }] },
    ],
    { basename: "/dashboard" },
  );
}

/** Fetch what other pages are made of while nothing else is to be done, so that going there takes no time. */
export function warmUp(): () => void {
  const later = requestIdleCallback(() => pages.forEach((page) => void page.load().catch(() => undefined)), { timeout: 5_000 });
  return () => cancelIdleCallback(later);
}

function NotFound() {
  const t = useMessages();
  return (
    <Page title={t.common.notFound}>
      <Empty title={t.common.notFoundLead}><ButtonLink to="/">{t.common.toStart}</ButtonLink></Empty>
    </Page>
  );
}

/** A page that failed while it was drawn, or whose file is gone as the server was renewed meanwhile. */
function Broken() {
  const t = useMessages();
  const error = useRouteError();
  const isStale = error instanceof TypeError && error.message.includes("import");
  return (
    <Page title={t.common.failed}>
      {isStale ? <Empty title={t.common.staleBuild} /> : <Failure error={error instanceof Error ? error : new Error(String(error))} />}
      <div className="text-center"><Button onClick={() => location.reload()}>{t.common.reload}</Button></div>
    </Page>
  );
}
