/** The pages of the console. Each is loaded when it is first opened; addresses hold what they show. */
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { alertSearch, inboxSearch } from "@/features/alerts/route";
import { huntSearch } from "@/features/hunt/route";
import { sensorsSearch } from "@/features/sensors/route";
import { signInSearch } from "@/features/session/route";
import { sessionQuery } from "@/lib/session";
import { currentPrefs, setPref } from "@/lib/prefs";
import { Loading } from "@/ui/basics";
import { ErrorPage, NotFound } from "./other-pages";
import { Shell } from "./shell";

interface Context {
  queries: QueryClient;
}

const rootRoute = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: NotFound });

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

const signedIn = createRoute({
  getParentRoute: () => rootRoute,
  id: "signed-in",
  beforeLoad: async ({ context, location }) => {
    const user = await context.queries.ensureQueryData(sessionQuery);
    if (!user) throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
    const { language } = currentPrefs();
    if (localStorage.getItem("matluoi.language") === null && user.locale !== language && user.locale === "en") setPref("language", "en");
  },
  component: Shell,
  notFoundComponent: NotFound,
});

const overview = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  component: lazyRouteComponent(() => import("@/features/overview/page"), "OverviewPage"),
});

const inbox = createRoute({
  getParentRoute: () => signedIn,
  path: "/alerts",
  validateSearch: inboxSearch,
  component: lazyRouteComponent(() => import("@/features/alerts/inbox"), "InboxPage"),
});

const alert = createRoute({
  getParentRoute: () => signedIn,
  path: "/alerts/$group",
  validateSearch: alertSearch,
  component: lazyRouteComponent(() => import("@/features/alerts/detail"), "AlertPage"),
});

const hunt = createRoute({
  getParentRoute: () => signedIn,
  path: "/hunt",
  validateSearch: huntSearch,
  component: lazyRouteComponent(() => import("@/features/hunt/page"), "HuntPage"),
});

const sensors = createRoute({
  getParentRoute: () => signedIn,
  path: "/sensors",
  validateSearch: sensorsSearch,
  component: lazyRouteComponent(() => import("@/features/sensors/page"), "SensorsPage"),
});

const account = createRoute({
  getParentRoute: () => signedIn,
  path: "/account",
  component: lazyRouteComponent(() => import("@/features/account/page"), "AccountPage"),
});

const tree = rootRoute.addChildren([signIn, signedIn.addChildren([overview, inbox, alert, hunt, sensors, account])]);

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
}
