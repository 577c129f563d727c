import { afterEach, expect, test, vi } from "vitest";
import { ApiError, api, body, onSignedOut, rememberCsrf, worthRetrying } from "./api";

function answer(status: number, content: unknown): void {
  vi.stubGlobal("fetch", vi.fn(() => Promise.resolve(new Response(status === 204 ? null : JSON.stringify(content), { status, headers: { "content-type": "application/json" } }))));
}

afterEach(() => vi.unstubAllGlobals());

// Requests of the test's page need an address of their own.
const units = () => body(api.GET("/api/v1/units", { baseUrl: "http://console.test" }));

test("an answer is its body, a refusal an error with its code", async () => {
  answer(200, [{ id: 1, name: "a", kind: "k" }]);
  expect((await units())[0]?.id).toBe(1);
  answer(403, { code: "forbidden", detail: "no", status: 403, title: "", type: "" });
  await expect(units()).rejects.toMatchObject({ status: 403, code: "forbidden" });
  answer(502, "x");
  await expect(units()).rejects.toMatchObject({ status: 502, code: "internal" });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("gone")));
  await expect(units()).rejects.toMatchObject({ status: 0, code: "unreachable" });
});

test("an ended session is told, a wrong password is not one", async () => {
  const out = vi.fn();
  onSignedOut(out);
  answer(401, { code: "sign_in_refused", detail: "no", status: 401, title: "", type: "" });
  await expect(units()).rejects.toBeInstanceOf(ApiError);
  expect(out).not.toHaveBeenCalled();
  answer(401, { code: "not_signed_in", detail: "no", status: 401, title: "", type: "" });
  await expect(units()).rejects.toBeInstanceOf(ApiError);
  expect(out).toHaveBeenCalledOnce();
});

test("writes carry the token, reads do not", async () => {
  rememberCsrf("t0ken");
  const sent: [string, string | null][] = [];
  vi.stubGlobal("fetch", (request: Request) => {
    sent.push([request.method, request.headers.get("x-csrf-token")]);
    return Promise.resolve(new Response(null, { status: 204 }));
  });
  await body(api.DELETE("/api/v1/session", { baseUrl: "http://console.test" }));
  await units();
  expect(sent).toEqual([
    ["DELETE", "t0ken"],
    ["GET", null],
  ]);
});

test("only what may change is asked again", () => {
  expect(worthRetrying(0, new ApiError(400))).toBe(false);
  expect(worthRetrying(0, new ApiError(503))).toBe(true);
  expect(worthRetrying(2, new ApiError(503))).toBe(false);
});
