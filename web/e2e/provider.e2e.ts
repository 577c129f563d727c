/** Signing in through a real provider of OpenID Connect, from setting it up to coming and going. In English, in the dark theme, by keyboard. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { address, signIn, start, type Console } from "./console";

let at: Console;
let provider: ChildProcess;
let issuer: string;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

beforeAll(async () => {
  at = await start({ theme: "dark", language: "en" });
  await signIn(at);
  // The provider of `tests/signin`, where it finds the library that it is made of.
  const program = fileURLToPath(new URL("./output/provider.mjs", import.meta.url));
  copyFileSync(fileURLToPath(new URL("../../tests/signin/provider.mjs", import.meta.url)), program);
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  provider = spawn("node", [program, String(port), address, "generous"], { stdio: ["ignore", "pipe", "ignore"] });
  if (provider.stdout) await once(provider.stdout, "data");
  // The pages of this provider would take their letters from elsewhere.
  await at.page.route(/fonts\.googleapis/, (route) => route.abort());
});

afterAll(async () => {
  provider?.kill();
  await at?.end();
});

const dialog = () => at.page.getByRole("dialog");
const field = (name: string) => dialog().getByLabel(name, { exact: true });

async function openDialog(): Promise<void> {
  await at.open("/settings?tab=people");
  await at.page.getByRole("button", { name: "Sign-in provider" }).press("Enter");
  await field("Shown as").waitFor();
}

test("a provider is set up, and told what is wrong with it", async () => {
  await openDialog();
  await dialog().getByLabel("Let people sign in through a provider").press("Space");
  await field("Shown as").fill("Province");
  await field("Address of the provider (issuer)").fill("http://127.0.0.1:9");
  await field("Client id").fill("matluoi");
  await field("Client secret").fill("mat-khau-cua-may-chu");
  await dialog().getByRole("button", { name: "Try it" }).press("Enter");
  await dialog().locator(".note--bad").waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("provider-unreachable");
  await field("Address of the provider (issuer)").fill(issuer);
  await dialog().getByRole("button", { name: "Try it" }).press("Enter");
  await dialog().getByText("The provider answers as it should.").waitFor();
  await dialog().getByLabel("Make accounts for people who are not announced").press("Space");
  await field("Claim with groups or roles").fill("groups");
  await dialog().getByRole("button", { name: "Add a line" }).press("Enter");
  await field("Value").fill("soc");
  await field("Role").selectOption("analyst");
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("provider-places");
  await dialog().getByRole("button", { name: "Save" }).press("Enter");
  await dialog().waitFor({ state: "detached" });
});

test("a person comes through it, and goes", { timeout: 120_000 }, async () => {
  const { page } = at;
  await page.getByRole("button", { name: "admin Account and display" }).press("Enter");
  await page.getByRole("menuitem", { name: "Sign out" }).press("Enter");
  await page.locator("#username").waitFor();
  const through = page.getByRole("link", { name: "Sign in with Province" });
  await through.waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("provider-sign-in");
  await through.press("Enter");
  await page.locator('[name="login"]').fill("lan");
  await page.locator('[name="password"]').fill("x");
  await page.keyboard.press("Enter");
  await page.locator('button[type="submit"]').press("Enter");
  await page.locator("nav .side__link").first().waitFor();
  await page.getByRole("button", { name: "Lê Lan Account and display" }).press("Enter");
  await page.getByText("lan · analyst").waitFor();
  // The provider's session ends as well.
  await page.getByRole("menuitem", { name: "Sign out" }).press("Enter");
  await page.waitForURL(`${issuer}/**`);
  await page.locator('button[value="yes"]').press("Enter");
  await through.waitFor();
});

test("somebody whom nobody has announced is told so", async () => {
  const { page } = at;
  await page.getByRole("link", { name: "Sign in with Province" }).press("Enter");
  await page.locator('[name="login"]').fill("minh");
  await page.locator('[name="password"]').fill("x");
  await page.keyboard.press("Enter");
  await page.locator('button[type="submit"]').press("Enter");
  await page.getByText("The provider knows you, but you have no account here. Ask an administrator.").waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("provider-unknown");
});

test("people of the provider are told from others, and it is turned off", async () => {
  await signIn(at);
  await at.open("/settings?tab=people");
  const row = at.page.locator("tbody tr", { hasText: "Lê Lan" });
  await row.getByText("of the provider").waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("provider-people");
  await openDialog();
  await dialog().getByLabel("Let people sign in through a provider").press("Space");
  await dialog().getByRole("button", { name: "Save" }).press("Enter");
  await dialog().waitFor({ state: "detached" });
  expect(at.faults).toEqual([]);
});
