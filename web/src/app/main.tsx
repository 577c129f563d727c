import { spoken } from "@/lib/i18n";
import "@/ui/tokens.css";
import "@/ui/ui.css";
import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider, type StaticDataRouteOption } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { onSignedOut, worthRetrying } from "@/lib/api";
import { sessionQuery } from "@/lib/session";
import { applyTheme } from "@/lib/prefs";
import { TipLayer } from "@/ui/tip";
import { Toasts } from "@/ui/toasts";
import { makeRouter } from "./router";

applyTheme();

const queries = new QueryClient({
  defaultOptions: { queries: { retry: worthRetrying, staleTime: 10_000, refetchOnWindowFocus: false } },
  mutationCache: new MutationCache(),
});
const router = makeRouter(queries);

onSignedOut(() => {
  if (queries.getQueryData(sessionQuery.queryKey) === null) return;
  queries.setQueryData(sessionQuery.queryKey, null);
  void router.invalidate();
});

// The page's own part comes while the session is asked for, not behind it; what it shows first, while it comes itself.
const opened: { routeId: string; search: Record<string, unknown>; staticData: StaticDataRouteOption }[] = router.matchRoutes(router.latestLocation);
const routes: Record<string, { options: { component?: unknown } }> = router.routesById;
for (const { routeId, search, staticData } of opened) {
  const page = routes[routeId]?.options.component;
  if (typeof page === "function" && "preload" in page && typeof page.preload === "function") void page.preload();
  const { ahead } = staticData;
  if (!ahead) continue;
  queries.ensureQueryData(sessionQuery).then(
    (user) => user && ahead(queries, search),
    // The page asks again, and says what is wrong.
    () => undefined,
  );
}

const root = document.getElementById("root");
if (root) {
  void spoken.then(() =>
    createRoot(root).render(
      <StrictMode>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
          <Toasts />
          <TipLayer />
        </QueryClientProvider>
      </StrictMode>,
    ),
  );
}
