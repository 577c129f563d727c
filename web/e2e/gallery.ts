/** Answers of the collector as a page meets them on other days: nothing there, not yet there, broken, very many. */
import type { Page, Route } from "playwright-core";

export const STATES = ["real", "empty", "loading", "error", "many"] as const;
export type State = (typeof STATES)[number];

const MANY = 10_000;
/** What a page cannot do without, whatever else is missing. */
const NEEDED = /\/api\/v1\/(session|units|search\/fields|live)/;

function emptied(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  if (typeof value === "number") return 0;
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, emptied(part)]));
  return value;
}

/** As many of what there is, each with a number of its own. */
function multiplied(rows: readonly unknown[], most: number): unknown[] {
  if (rows.length === 0) return [];
  return Array.from({ length: most }, (_, index) => {
    const row = rows[index % rows.length];
    if (index < rows.length || typeof row !== "object" || row === null) return row;
    const { id, sid } = row as { id?: unknown; sid?: unknown };
    return {
      ...row,
      ...(typeof id === "number" && { id: 1_000_000 + index }),
      ...(typeof id === "string" && { id: `${id}-${index}` }),
      ...(typeof sid === "number" && { sid: 1_000_000 + index }),
    };
  });
}

/** Who asks for a few gets no more. */
const FEW = 50;

function many(value: unknown, asked: URL): unknown {
  const limit = Number(asked.searchParams.get("limit") ?? MANY);
  const most = limit < FEW ? limit : MANY;
  if (Array.isArray(value)) return multiplied(value, most);
  if (typeof value !== "object" || value === null) return value;
  const { items } = value as { items?: unknown };
  return Array.isArray(items) ? { ...value, items: multiplied(items, most), total: MANY, next: null, next_cursor: null } : value;
}

async function answer(route: Route, change: (body: unknown) => unknown): Promise<void> {
  const response = await route.fetch();
  if (!(response.headers()["content-type"] ?? "").includes("json")) return route.fulfill({ response });
  return route.fulfill({ response, json: change(await response.json()) });
}

/** From here on the collector answers so. */
export async function pretend(page: Page, state: State): Promise<void> {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  if (state === "real") return;
  await page.route("**/api/v1/**", async (route) => {
    const request = route.request();
    if (request.method() !== "GET" || NEEDED.test(request.url()) || request.resourceType() === "eventsource") return route.continue();
    if (state === "error") return route.fulfill({ status: 503, contentType: "application/problem+json", json: { type: "about:blank", title: "Kho tìm kiếm đang khởi động lại", status: 503, code: "unavailable" } });
    // Never answered: the page is left while it waits.
    if (state === "loading") return;
    return answer(route, state === "empty" ? emptied : (body) => many(body, new URL(request.url())));
  });
}
