// @vitest-environment node
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { types } from "../../scripts/generate.mjs";

test("the types of the API are those of its description", { timeout: 60_000 }, async () => {
  const kept = await readFile("src/gen/api.ts", "utf8");
  expect(kept === (await types()), "run `npm run generate`").toBe(true);
});
