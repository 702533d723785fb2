/** What stands around every page: menu, bar, palette, shortcuts. */

import { useQueryClient } from "@tanstack/react-query";
import { CircleUserRound, Keyboard, LogOut, Menu as MenuIcon, Palette as PaletteIcon, Search, UserRoundCog } from "lucide-react";
import { Suspense, useEffect, useState } from "react";
import { Navigate, Outlet, useLocation, useNavigate, useParams } from "react-router";

import { SESSION, useChange, useRead } from "../api/query.ts";
import { LANGUAGES, useLanguage, useMessages } from "../language.tsx";
import { SessionProvider, useSession } from "../session.tsx";
import { useLeave } from "../sign-in.ts";
import { THEMES, useTheme } from "../theme.ts";
import { IconButton } from "../ui/button.tsx";
import { Overlay, deferred } from "../ui/deferred.tsx";
import { Menu, MenuChoice, MenuItem, MenuLine } from "../ui/menu.tsx";
import { Failure, Skeleton } from "../ui/states.tsx";
import { Boundary } from "./boundary.tsx";
import { ClientSwitcher } from "./client-switcher.tsx";
import { useDestinations } from "./navigation.ts";
import type { Command } from "./palette.tsx";
import { warmUp } from "./routes.tsx";
import { ShortcutsHelp, useShortcuts } from "./shortcuts.tsx";
import { Sidebar } from "./sidebar.tsx";
import { SwitchedOff } from "./switched-off.tsx";

const Drawer = deferred(() => import("./drawer.tsx").then((loaded) => loaded.Drawer));
const Palette = deferred(() => import("./palette.tsx").then((loaded) => loaded.Palette));

export function Component() {
  const location = useLocation();
  const cache = useQueryClient();
  const session = useRead(SESSION, {});
  const isOut = session.data?.signed_in === null;
  // what the pages, which are gone by now, had read is nobody else's business
  useEffect(() => void (isOut && cache.removeQueries({ type: "inactive" })), [isOut, cache]);
  if (session.data?.signed_in === null) {
    return <Navigate to={`/login?next=${encodeURIComponent(location.pathname + location.search)}`} replace />;
  }
  if (session.data) return <SessionProvider session={session.data.signed_in}><Frame /></SessionProvider>;
  return session.error ? <Failure error={session.error} onRetry={() => void session.refetch()} /> : <Skeleton />;
}

function Frame() {
  const t = useMessages();
  const { clientId } = useParams();
  const location = useLocation();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [isDrawerOpen, setDrawerOpen] = useState(false);
  const commands = useCommands(() => setHelpOpen(true));
  useShortcuts({ palette: () => setPaletteOpen(true), help: () => setHelpOpen(true) });
  useEffect(warmUp, []);
  useEffect(() => setDrawerOpen(false), [location.pathname]);
  return (
    <div className="grid min-h-dvh grid-cols-[15rem_minmax(0,1fr)] phone:grid-cols-1">
      <a href="#main" className="sr-only focus:not-sr-only focus:fixed focus:start-2 focus:top-2 focus:z-50 focus:rounded-md focus:bg-raised focus:px-3 focus:py-2 focus:shadow-pop">
        {t.common.skipToContent}
      </a>
      <Sidebar />
      <div className="grid min-w-0 grid-cols-1 grid-rows-[auto_1fr]">
        <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b border-line bg-surface px-3 sm:px-6">
          <span className="hidden phone:inline"><IconButton icon={MenuIcon} label={t.common.openMenu} onClick={() => setDrawerOpen(true)} /></span>
          <ClientSwitcher />
          <button type="button" onClick={() => setPaletteOpen(true)} aria-keyshortcuts="Control+K Meta+K" className="ms-auto inline-flex min-h-8 items-center gap-2 rounded-md border border-line bg-ground px-2.5 text-soft hover:text-ink">
            <Search size={15} aria-hidden="true" />
            <span className="phone:sr-only">{t.shell.search}</span>
            <kbd dir="ltr" className="font-mono text-xs text-faint phone:hidden">Ctrl K</kbd>
          </button>
          <AccountMenu onHelp={() => setHelpOpen(true)} />
        </header>
        <main id="main" tabIndex={-1} className="min-w-0">
          <SwitchedOff />
          <Boundary at={location.key}><Suspense fallback={<Skeleton />}><Outlet key={clientId} /></Suspense></Boundary>
        </main>
      </div>
      {isDrawerOpen && <Overlay onClose={() => setDrawerOpen(false)}><Drawer onClose={() => setDrawerOpen(false)} /></Overlay>}
      {isPaletteOpen && <Overlay onClose={() => setPaletteOpen(false)}><Palette onClose={() => setPaletteOpen(false)} commands={commands} /></Overlay>}
      <ShortcutsHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  );
}

function AccountMenu({ onHelp }: { readonly onHelp: () => void }) {
  const t = useMessages();
  const { admin } = useSession();
  const { language, choose } = useLanguage();
  const [theme, setTheme] = useTheme();
  const signOut = useSignOut();
  const navigate = useNavigate();
  return (
    <Menu icon={CircleUserRound} label={t.shell.account}>
      <p className="px-2 py-1.5 text-sm text-soft wrap-anywhere">{admin.email}</p>
      <MenuLine />
      <MenuChoice title={t.shell.theme} value={theme} choices={t.shell.themes} onChoose={setTheme} />
      <MenuLine />
      <MenuChoice title={t.shell.language} value={language} choices={LANGUAGES} onChoose={choose} />
      <MenuLine />
      <MenuItem onSelect={() => void navigate("/account")}><UserRoundCog size={15} aria-hidden="true" />{t.account.title}</MenuItem>
      <MenuItem onSelect={onHelp}><Keyboard size={15} aria-hidden="true" />{t.shell.shortcuts}</MenuItem>
      <MenuItem onSelect={signOut}><LogOut size={15} aria-hidden="true" />{t.shell.signOut}</MenuItem>
    </Menu>
  );
}

function useSignOut(): () => void {
  const end = useChange("POST /admin/auth/logout", { onDone: useLeave() });
  return () => end.mutate({});
}

function useCommands(onHelp: () => void): readonly Command[] {
  const t = useMessages();
  const navigate = useNavigate();
  const destinations = useDestinations();
  const { choose } = useLanguage();
  const [, setTheme] = useTheme();
  const signOut = useSignOut();
  const icon = <PaletteIcon size={15} aria-hidden="true" className="text-faint" />;
  return [
    ...destinations.map(({ to, title, group, icon: Icon }) => ({
      id: to.replaceAll("/", "-"),
      title,
      note: t.shell.groups[group],
      icon: Icon && <Icon size={15} aria-hidden="true" className="text-faint" />,
      run: () => void navigate(to),
    })),
    ...THEMES.map((theme) => ({ id: `theme-${theme}`, title: `${t.shell.theme}: ${t.shell.themes[theme]}`, icon, run: () => setTheme(theme) })),
    ...(["en", "he"] as const).map((language) => ({ id: `language-${language}`, title: `${t.shell.language}: ${LANGUAGES[language]}`, icon, run: () => choose(language) })),
    { id: "account", title: t.account.title, icon: <UserRoundCog size={15} aria-hidden="true" className="text-faint" />, run: () => void navigate("/account") },
    { id: "shortcuts", title: t.shell.shortcuts, icon: <Keyboard size={15} aria-hidden="true" className="text-faint" />, run: onHelp },
    { id: "sign-out", title: t.shell.signOut, icon: <LogOut size={15} aria-hidden="true" className="text-faint" />, run: signOut },
  ];
}
