/** The pages of the console. Each is loaded when it is first opened; addresses hold what they show. */
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { alertSearch, inboxSearch } from "@/features/alerts/route";
import { aboutSearch } from "@/features/about/route";
import { attackSearch } from "@/features/attack/route";
import { graphSearch } from "@/features/graph/route";
import { casesSearch } from "@/features/cases/route";
import { huntSearch } from "@/features/hunt/route";
import { reportsSearch } from "@/features/reports/route";
import { fleetSearch } from "@/features/fleet/route";
import { feedSearch } from "@/features/feeds/route";
import { ruleHuntsSearch } from "@/features/rule-hunts/route";
import { rulesSearch } from "@/features/rules/route";
import { sensorsSearch } from "@/features/sensors/route";
import { settingsSearch } from "@/features/settings/route";
import { signInSearch } from "@/features/session/route";
import { wallSearch } from "@/features/wallboard/route";
import { benchSearch } from "@/features/workbench/route";
import { sessionQuery } from "@/lib/session";
import { currentPrefs, setPref } from "@/lib/prefs";
import { tableStates, type TableStates } from "@/lib/table-state";
import { Loading } from "@/ui/basics";
import { ErrorPage, NotFound } from "./other-pages";
import { Shell } from "./shell";

interface Context {
  queries: QueryClient;
}

/** Asks for what a page shows first, before the page itself is there. */
type Ahead = (queries: QueryClient, search: Record<string, unknown>) => Promise<unknown>;

const rootRoute = createRootRouteWithContext<Context>()({
  component: Outlet,
  notFoundComponent: NotFound,
  // Whatever the page, tables on it may be sorted and filtered.
  validateSearch: (raw: Record<string, unknown>): { tables?: TableStates } => {
    const tables = tableStates(raw.tables);
    return tables ? { tables } : {};
  },
});

const signIn = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: signInSearch,
  beforeLoad: async ({ context, search }) => {
    const user = await context.queries.ensureQueryData(sessionQuery).catch(() => null);
    if (user) throw redirect({ href: search.next ?? "/" });
  },
  component: lazyRouteComponent(() => import("@/features/session/page"), "SignInPage"),
});

async function requireSession({ context, location }: { context: Context; location: { href: string } }): Promise<void> {
  const user = await context.queries.ensureQueryData(sessionQuery);
  if (!user) throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
  const { language } = currentPrefs();
  if (localStorage.getItem("matluoi.language") === null && user.locale !== language && user.locale === "en") setPref("language", "en");
}

const signedIn = createRoute({
  getParentRoute: () => rootRoute,
  id: "signed-in",
  beforeLoad: requireSession,
  component: Shell,
  notFoundComponent: NotFound,
});

const overview = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  staticData: {
    ahead: async (queries) => {
      const { newSummaryQuery, sensorsQuery, worstQuery } = await import("@/features/overview/api");
      await Promise.all([queries.prefetchQuery(newSummaryQuery), queries.prefetchQuery(worstQuery), queries.prefetchQuery(sensorsQuery)]);
    },
  },
  component: lazyRouteComponent(() => import("@/features/overview/page"), "OverviewPage"),
});

const inbox = createRoute({
  getParentRoute: () => signedIn,
  path: "/alerts",
  validateSearch: inboxSearch,
  staticData: {
    ahead: async (queries, search) => {
      const { inboxQuery } = await import("@/features/alerts/api");
      await queries.prefetchInfiniteQuery(inboxQuery(inboxSearch(search)));
    },
  },
  component: lazyRouteComponent(() => import("@/features/alerts/inbox"), "InboxPage"),
});

const alert = createRoute({
  getParentRoute: () => signedIn,
  path: "/alerts/$group",
  validateSearch: alertSearch,
  component: lazyRouteComponent(() => import("@/features/alerts/detail"), "AlertPage"),
});

const cases = createRoute({
  getParentRoute: () => signedIn,
  path: "/cases",
  validateSearch: casesSearch,
  component: lazyRouteComponent(() => import("@/features/cases/list"), "CasesPage"),
});

const oneCase = createRoute({
  getParentRoute: () => signedIn,
  path: "/cases/$case",
  component: lazyRouteComponent(() => import("@/features/cases/page"), "CasePage"),
});

const reports = createRoute({
  getParentRoute: () => signedIn,
  path: "/reports",
  validateSearch: reportsSearch,
  component: lazyRouteComponent(() => import("@/features/reports/page"), "ReportsPage"),
});

const rules = createRoute({
  getParentRoute: () => signedIn,
  path: "/rules",
  validateSearch: rulesSearch,
  component: lazyRouteComponent(() => import("@/features/rules/list"), "RulesPage"),
});

const rule = createRoute({
  getParentRoute: () => signedIn,
  path: "/rules/$sid",
  component: lazyRouteComponent(() => import("@/features/rules/page"), "RulePage"),
});

const ruleSets = createRoute({
  getParentRoute: () => signedIn,
  path: "/rule-sets",
  component: lazyRouteComponent(() => import("@/features/workbench/list"), "RuleSetsPage"),
});

const ruleSet = createRoute({
  getParentRoute: () => signedIn,
  path: "/rule-sets/$set",
  validateSearch: benchSearch,
  component: lazyRouteComponent(() => import("@/features/workbench/page"), "RuleSetPage"),
});

const ruleFeeds = createRoute({
  getParentRoute: () => signedIn,
  path: "/rule-feeds",
  component: lazyRouteComponent(() => import("@/features/feeds/list"), "FeedsPage"),
});

const ruleFeed = createRoute({
  getParentRoute: () => signedIn,
  path: "/rule-feeds/$feed",
  validateSearch: feedSearch,
  component: lazyRouteComponent(() => import("@/features/feeds/page"), "FeedPage"),
});

const ruleHunts = createRoute({
  getParentRoute: () => signedIn,
  path: "/rule-hunts",
  validateSearch: ruleHuntsSearch,
  component: lazyRouteComponent(() => import("@/features/rule-hunts/page"), "RuleHuntsPage"),
});

const hideRules = createRoute({
  getParentRoute: () => signedIn,
  path: "/hide-rules",
  component: lazyRouteComponent(() => import("@/features/alerts/hide-rules"), "HideRulesPage"),
});

const hunt = createRoute({
  getParentRoute: () => signedIn,
  path: "/hunt",
  validateSearch: huntSearch,
  staticData: {
    ahead: async (queries, search) => {
      const { histogramQuery, resultsQuery } = await import("@/features/hunt/api");
      const asked = huntSearch(search);
      await Promise.all([queries.prefetchInfiniteQuery(resultsQuery(asked)), queries.prefetchQuery(histogramQuery(asked))]);
    },
  },
  component: lazyRouteComponent(() => import("@/features/hunt/page"), "HuntPage"),
});

const about = createRoute({
  getParentRoute: () => signedIn,
  path: "/about/$kind/$value",
  validateSearch: aboutSearch,
  component: lazyRouteComponent(() => import("@/features/about/page"), "AboutPage"),
});

const attack = createRoute({
  getParentRoute: () => signedIn,
  path: "/attack",
  validateSearch: attackSearch,
  component: lazyRouteComponent(() => import("@/features/attack/page"), "AttackPage"),
});

const graph = createRoute({
  getParentRoute: () => signedIn,
  path: "/graph",
  validateSearch: graphSearch,
  component: lazyRouteComponent(() => import("@/features/graph/page"), "GraphPage"),
});

/** Pages without anything around them. */
const bare = createRoute({ getParentRoute: () => rootRoute, id: "bare", beforeLoad: requireSession, component: Outlet });

const wall = createRoute({
  getParentRoute: () => bare,
  path: "/wall",
  validateSearch: wallSearch,
  component: lazyRouteComponent(() => import("@/features/wallboard/page"), "WallPage"),
});

const fleet = createRoute({
  getParentRoute: () => signedIn,
  path: "/fleet",
  validateSearch: fleetSearch,
  component: lazyRouteComponent(() => import("@/features/fleet/page"), "FleetPage"),
});

const sensors = createRoute({
  getParentRoute: () => signedIn,
  path: "/sensors",
  validateSearch: sensorsSearch,
  component: lazyRouteComponent(() => import("@/features/sensors/page"), "SensorsPage"),
});

const settings = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings",
  validateSearch: settingsSearch,
  component: lazyRouteComponent(() => import("@/features/settings/page"), "SettingsPage"),
});

const account = createRoute({
  getParentRoute: () => signedIn,
  path: "/account",
  component: lazyRouteComponent(() => import("@/features/account/page"), "AccountPage"),
});

const tree = rootRoute.addChildren([signIn, signedIn.addChildren([overview, inbox, alert, hideRules, cases, oneCase, reports, rules, rule, ruleSets, ruleSet, ruleFeeds, ruleFeed, ruleHunts, hunt, about, attack, graph, sensors, fleet, settings, account]), bare.addChildren([wall])]);

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: "intent",
    defaultPendingComponent: () => <Loading rows={8} />,
    defaultErrorComponent: ErrorPage,
    scrollRestoration: false,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
  interface StaticDataRouteOption {
    ahead?: Ahead;
  }
}
