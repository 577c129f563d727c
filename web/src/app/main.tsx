import "@/lib/i18n";
import "@/ui/tokens.css";
import "@/ui/ui.css";
import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { onSignedOut, worthRetrying } from "@/lib/api";
import { sessionQuery } from "@/lib/session";
import { applyTheme } from "@/lib/prefs";
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

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
        <Toasts />
      </QueryClientProvider>
    </StrictMode>,
  );
}
