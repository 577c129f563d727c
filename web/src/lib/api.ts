/** The client of the collector's API. Types come from its description (`src/gen`). */
import createClient from "openapi-fetch";
import type { components, paths } from "@/gen/api";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

/** An answer that says what is wrong, or none at all (`status` 0: the collector was not reached). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: Problem | undefined;

  constructor(status: number, problem?: Problem) {
    super(problem?.detail ?? `HTTP ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem?.code ?? (status === 0 ? "unreachable" : "internal");
    this.problem = problem;
  }
}

let csrf = "";
let whenSignedOut: () => void = () => undefined;

export function rememberCsrf(token: string): void {
  csrf = token;
}

/** Called when a request is refused for want of a session. */
export function onSignedOut(callback: () => void): void {
  whenSignedOut = callback;
}

const client = createClient<paths>({
  baseUrl: "/",
  credentials: "same-origin",
  querySerializer: { array: { style: "form", explode: true } },
  fetch: (request) => globalThis.fetch(request),
});

client.use({
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("x-csrf-token", csrf);
    return request;
  },
});

export const api = client;

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "code" in value && "detail" in value;
}

/** The body of an answer, or an [`ApiError`]. */
export async function body<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0);
  }
  if (!answer.response.ok) {
    const problem = isProblem(answer.error) ? answer.error : undefined;
    if (answer.response.status === 401 && problem?.code === "not_signed_in") whenSignedOut();
    throw new ApiError(answer.response.status, problem);
  }
  return answer.data as T;
}

/** Whether asking again may help: not when the collector understood and refused. */
export function worthRetrying(failures: number, error: unknown): boolean {
  const refused = error instanceof ApiError && error.status >= 400 && error.status < 500;
  return !refused && failures < 2;
}
