// @vitest-environment node
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { findings, types } from "../../scripts/generate.mjs";

test("the types of the API are those of its description", { timeout: 60_000 }, async () => {
  const kept = await readFile("src/gen/api.ts", "utf8");
  expect(kept === (await types()), "run `npm run generate`").toBe(true);
});

test.each(["vi", "en"])("the words of findings are the sensor's (%s)", async (language) => {
  const kept = await readFile(`src/gen/findings.${language}.json`, "utf8");
  expect(kept === (await findings(language)), "run `npm run generate`").toBe(true);
});
