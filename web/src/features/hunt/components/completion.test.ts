import { expect, test } from "vitest";
import { offers, wordAt } from "./completion";

const fields = [
  { name: "src_ip", kind: "ip", label_vi: "IP nguồn", label_en: "Source IP" },
  { name: "dest_ip", kind: "ip", label_vi: "IP đích", label_en: "Destination IP" },
];

test.each([
  ["", 0, { start: 0, end: 0, text: "", field: undefined }],
  ["a src", 5, { start: 2, end: 5, text: "src", field: undefined }],
  ["-type:al", 8, { start: 6, end: 8, text: "al", field: "type" }],
  ["(type:", 6, { start: 6, end: 6, text: "", field: "type" }],
])("the word at the caret of %s", (query, caret, expected) => expect(wordAt(query, caret)).toEqual(expected));

test("fields are found by name and by label, accents aside", () => {
  const names = (text: string) => offers(wordAt(text, text.length), fields, [], "vi").map((offer) => offer.text);
  expect(names("ip")).toEqual(["src_ip", "dest_ip"]);
  expect(names("dich")).toEqual(["dest_ip"]);
  expect(names("")).toEqual(["src_ip", "dest_ip"]);
});

test("values that begin with what is written come first", () => {
  const values = [
    { value: "anomaly", count: 9 },
    { value: "alert", count: 2 },
  ];
  expect(offers(wordAt("type:al", 7), fields, values, "vi").map((offer) => offer.text)).toEqual(["alert", "anomaly"]);
});

test("behind a bar commands are offered, then what they take", () => {
  const at = (text: string) => offers(wordAt(text, text.length), [{ name: "src_ip", kind: "ip", label_vi: "IP nguồn", label_en: "Source IP" }], [], "vi").map((offer) => offer.text);
  expect(at("a | gr")).toEqual(["groupby"]);
  expect(at('"x|y')).toEqual([]);
  expect(at("a | groupby -b")).toEqual(["-bar"]);
  expect(at("a | groupby src")).toEqual(["src_ip"]);
  expect(at("a | groupby sum(sr")).toEqual(["src_ip"]);
  expect(at("a | groupby src_ip | sortby co")).toEqual(["count"]);
});
