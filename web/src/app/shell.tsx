/** What stands around every page: the way to the others, and what a person sets. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { Bell, Check, ChevronsLeft, ChevronsRight, Clock, FileText, FolderOpen, Gauge, Grid3x3, Languages, LogOut, Monitor, Moon, Network, Radar, Rows3, Rows4, ScrollText, Search, Settings, Sun, SunMoon, Unplug, UserRound, type LucideIcon } from "lucide-react";
import { Suspense, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, api, body } from "@/lib/api";
import { useKeys } from "@/lib/keys";
import { usePolling } from "@/lib/presence";
import { setPref, usePrefs } from "@/lib/prefs";
import { sessionQuery, useRights } from "@/lib/session";
import { compact } from "@/lib/format";
import { tableStates, TableStore, type TableState, type TableStates } from "@/lib/table-state";
import { IconButton, Loading } from "@/ui/basics";
import { Menu, MenuItem, MenuLabel, MenuLine } from "@/ui/menu";
import "./shell.css";

interface Page {
  to: string;
  icon: LucideIcon;
  label: string;
  /** How addresses begin that belong to it as well. */
  also?: readonly string[];
}

const PAGES = [
  { to: "/", icon: Gauge, label: "nav.overview" },
  { to: "/alerts", icon: Bell, label: "nav.alerts", also: ["/hide-rules"] },
  { to: "/cases", icon: FolderOpen, label: "nav.cases" },
  { to: "/hunt", icon: Search, label: "nav.hunt", also: ["/about/"] },
  { to: "/attack", icon: Grid3x3, label: "nav.attack" },
  { to: "/graph", icon: Network, label: "nav.graph" },
  { to: "/sensors", icon: Radar, label: "nav.sensors", also: ["/fleet"] },
  { to: "/rules", icon: ScrollText, label: "nav.rules", also: ["/rule-"] },
  { to: "/reports", icon: FileText, label: "nav.reports" },
  { to: "/wall", icon: Monitor, label: "nav.wall" },
  { to: "/settings", icon: Settings, label: "nav.admin" },
] as const satisfies readonly Page[];

/** How many groups are new, and whether the collector still answers. */
function useNewGroups(): { count: number; lost: boolean } {
  const { data, refetch, error } = useQuery({
    queryKey: ["groups", "badge"],
    queryFn: ({ signal }) => body(api.GET("/api/v1/groups", { params: { query: { status: "new", limit: 1 } }, signal })),
  });
  usePolling(() => void refetch(), 30_000);
  return { count: data?.tabs.new ?? 0, lost: error instanceof ApiError && error.status === 0 };
}

const NO_STATES: TableStates = {};

/** The states of the page's tables, as its address has them. */
function useTables() {
  const navigate = useNavigate();
  const states = useSearch({ strict: false, select: (search) => search.tables }) ?? NO_STATES;
  return useMemo(
    () => ({
      states,
      keep: (name: string, state: TableState) => void navigate({ to: ".", search: (before) => ({ ...before, tables: tableStates({ ...states, [name]: state }) }), replace: true }),
    }),
    [navigate, states],
  );
}

export function Shell() {
  const { t, i18n } = useTranslation();
  const { sidebar } = usePrefs();
  const navigate = useNavigate();
  const { count: newGroups, lost } = useNewGroups();
  const main = useRef<HTMLElement>(null);
  const path = useLocation({ select: (at) => at.pathname });
  useKeys({
    "g o": () => void navigate({ to: "/" }),
    "g i": () => void navigate({ to: "/alerts" }),
    "g s": () => void navigate({ to: "/alerts", search: { tab: "escalated" } }),
    "g a": () => void navigate({ to: "/alerts", search: { tab: "closed" } }),
    "g c": () => void navigate({ to: "/cases" }),
    "g p": () => void navigate({ to: "/reports" }),
    "g r": () => void navigate({ to: "/rules" }),
    "g h": () => void navigate({ to: "/hunt" }),
    "g n": () => void navigate({ to: "/sensors" }),
    "g t": () => void navigate({ to: "/attack" }),
    "g k": () => void navigate({ to: "/graph" }),
    "g w": () => void navigate({ to: "/wall" }),
  });
  const narrow = sidebar === "narrow";
  const tables = useTables();
  return (
    <div className={`shell ${narrow ? "shell--narrow" : ""}`}>
      <button type="button" className="shell__skip" onClick={() => main.current?.focus()}>
        {t("nav.skip")}
      </button>
      <header className="side">
        <Link to="/" className="side__brand" aria-label={t("nav.home")}>
          <img src="/icon.svg" alt="" width={26} height={26} />
          <span className="side__word">Mắt Lưới</span>
        </Link>
        <nav aria-label={t("nav.pages")}>
          <ul>
            {PAGES.map(({ to, icon: Icon, label, ...page }) => (
              <li key={to}>
                <Link to={to} className="side__link" activeOptions={{ exact: to === "/", includeSearch: false }} activeProps={{ "aria-current": "page" }} aria-current={"also" in page && page.also.some((begin) => path.startsWith(begin)) ? "page" : undefined} title={narrow ? t(label) : undefined}>
                  <Icon aria-hidden />
                  <span className="side__word">{t(label)}</span>
                  {to === "/alerts" && newGroups > 0 && (
                    <span className="side__badge" title={t("nav.newGroups", { count: newGroups })}>
                      <span aria-hidden>{compact(newGroups, i18n.language)}</span>
                      <span className="hidden">{t("nav.newGroups", { count: newGroups })}</span>
                    </span>
                  )}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <Personal narrow={narrow} />
      </header>
      <main ref={main} tabIndex={-1} className="main">
        {lost && (
          <p className="shell__lost" role="alert">
            <Unplug aria-hidden /> {t("nav.lost")}
          </p>
        )}
        <TableStore value={tables}>
          <Suspense fallback={<Loading rows={10} />}>
            <Outlet />
          </Suspense>
        </TableStore>
      </main>
    </div>
  );
}

function Personal({ narrow }: { narrow: boolean }) {
  const { t } = useTranslation();
  const { user } = useRights();
  const { theme, language, zone, density } = usePrefs();
  const router = useRouter();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const signOut = async () => {
    const provider = await body(api.GET("/api/v1/session/provider/logout")).catch(() => undefined);
    // A session that has ended already is as good as one that ends now.
    await body(api.DELETE("/api/v1/session")).catch(() => undefined);
    queries.clear();
    if (provider?.address) {
      // The provider's session ends with ours, or the next to sit here would be signed in again.
      location.assign(provider.address);
      return;
    }
    queries.setQueryData(sessionQuery.queryKey, null);
    await router.invalidate();
  };
  const setLanguage = (to: "vi" | "en") => {
    setPref("language", to);
    // It is kept for the next browser; this one has it.
    api.PUT("/api/v1/session/locale", { body: { locale: to } }).catch(() => undefined);
  };
  const chosen = (is: boolean) => (is ? Check : undefined);
  return (
    <div className="side__foot">
      <Menu
        label={t("nav.settings")}
        trigger={
          <button type="button" className="side__link" title={narrow ? user.name : undefined}>
            <UserRound aria-hidden />
            <span className="side__word cut">{user.display_name || user.name}</span>
            <span className="hidden">{t("nav.settings")}</span>
          </button>
        }
      >
        <MenuLabel>
          {user.name} · {t(`role.${user.role}`)}
        </MenuLabel>
        <MenuItem icon={UserRound} onSelect={() => void navigate({ to: "/account" })}>
          {t("nav.account")}
        </MenuItem>
        <MenuLine />
        <MenuLabel>{t("prefs.language")}</MenuLabel>
        {(["vi", "en"] as const).map((one) => (
          <MenuItem key={one} icon={chosen(language === one) ?? Languages} onSelect={() => setLanguage(one)}>
            <span lang={one}>{t(`language.${one}`)}</span>
          </MenuItem>
        ))}
        <MenuLabel>{t("prefs.theme")}</MenuLabel>
        {([["system", SunMoon], ["light", Sun], ["dark", Moon]] as const).map(([one, icon]) => (
          <MenuItem key={one} icon={chosen(theme === one) ?? icon} onSelect={() => setPref("theme", one)}>
            {t(`theme.${one}`)}
          </MenuItem>
        ))}
        <MenuLabel>{t("prefs.density")}</MenuLabel>
        {([["comfortable", Rows3], ["dense", Rows4]] as const).map(([one, icon]) => (
          <MenuItem key={one} icon={chosen(density === one) ?? icon} onSelect={() => setPref("density", one)}>
            {t(`density.${one}`)}
          </MenuItem>
        ))}
        <MenuLabel>{t("prefs.zone")}</MenuLabel>
        {(["Asia/Ho_Chi_Minh", "UTC"] as const).map((one) => (
          <MenuItem key={one} icon={chosen(zone === one) ?? Clock} onSelect={() => setPref("zone", one)}>
            {one === "UTC" ? "UTC" : t("zone.vietnam")}
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem icon={LogOut} onSelect={() => void signOut()}>
          {t("session.signOut")}
        </MenuItem>
      </Menu>
      <IconButton look="quiet" label={t(narrow ? "nav.widen" : "nav.narrow")} onClick={() => setPref("sidebar", narrow ? "wide" : "narrow")}>
        {narrow ? <ChevronsRight aria-hidden /> : <ChevronsLeft aria-hidden />}
      </IconButton>
    </div>
  );
}
