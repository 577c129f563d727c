import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { faultText, inVietnamese } from "./faults";
import sentences from "./faults.vi.json";

/** The source of the engine, of the filters of rule sources and of the way to the sensor, with its placeholders as they are written here and its broken lines joined. */
function source(): string {
  const files = ["../rules/src", "../collector/feeds/src/filter", "../sensor/ship/src"].flatMap((path) => {
    const folder = resolve(path);
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".rs"));
    return names.map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  });
  return files
    .join("\n")
    .replace(/\\\n\s*/g, "")
    .replaceAll('\\"', '"')
    .replaceAll("\\\\", "\\")
    .replace(/\{[\w.]*(:[^{}]*)?\}/g, "{}");
}

test("every sentence is one that the engine tells", () => {
  const engine = source();
  // A hint is put behind by the engine; a variable is told with its sign.
  const told = (sentence: string) => sentence.replace(": is it {}?", "{}").replace("variable {} is not set (set {})", "variable ${} is not set (set {}.{}){}");
  const strange = Object.keys(sentences).filter((sentence) => {
    const plain = told(sentence);
    return !engine.includes(plain) && !engine.includes(`${plain}{}`);
  });
  expect(strange).toEqual([]);
});

test("places and order are kept", () => {
  for (const [english, vietnamese] of Object.entries(sentences)) expect(vietnamese.split("{}").length, english).toBe(english.split("{}").length);
});

test.each([
  ['unknown keyword "http.methd": is it "http.method"?', 'không có từ khoá "http.methd": có phải là "http.method"?'],
  ['unknown keyword "zz"', 'không có từ khoá "zz"'],
  ['"70000" is no number up to 65535', '"70000" không phải số đến 65535'],
  ["nocase needs a content before it", "nocase cần một content đứng trước"],
  ['"x": write src, dst or both', '"x": hãy viết src, dst hoặc both'],
  ["write count, offset", "hãy viết count, offset"],
  ["a sentence that nobody knows", "a sentence that nobody knows"],
])("%s", (english, vietnamese) => {
  expect(inVietnamese(english)).toBe(vietnamese);
});

test("the keyword stands before it, and English stays English", () => {
  expect(faultText("stands twice", "offset", "vi")).toBe("offset: xuất hiện hai lần");
  expect(faultText("stands twice", null, "en")).toBe("stands twice");
});

test("a hostile reason takes no time", () => {
  const reason = `${"{} lies outside ".repeat(2_000)}x`;
  expect(inVietnamese(reason)).toBe(reason);
});
