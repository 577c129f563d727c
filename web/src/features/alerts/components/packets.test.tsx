import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { Schemas } from "@/lib/api";
import { Bytes } from "./bytes";
import { arranged } from "./packet-list";

const content = new TextEncoder().encode("GET /secret HTTP/1.1\r\nHost: a\r\n");

test("marks stand in the text and in both halves of the dump", () => {
  const marks = [{ from: 5, to: 11 }];
  const { container, rerender } = render(<Bytes content={content} marks={marks} form="text" />);
  expect(screen.getByText("secret").tagName).toBe("MARK");
  rerender(<Bytes content={content} marks={[{ from: 14, to: 18 }]} form="hex" />);
  const marked = [...container.querySelectorAll("mark")].map((mark) => mark.textContent);
  expect(marked).toEqual(["54 50 ", "TP", "2f 31 ", "/1"]);
  expect(container.textContent).toContain("000010  ");
});

function packet(number: number, source: string, length: number): Schemas["PacketBody"] {
  return { number, time: "", after_us: number, source, destination: "b", protocol: "TCP", flags: "SA", length, captured: length, payload: 0 };
}

test("packets are found in any column and put in order by one", () => {
  const packets = [packet(0, "10.0.0.1:80", 90), packet(1, "10.0.0.2:80", 1_500), packet(2, "10.0.0.1:80", 60)];
  const numbers = (filter: string, column: Parameters<typeof arranged>[2], down: boolean) => arranged(packets, filter, column, down).map((one) => one.number);
  expect(numbers("", "length", false)).toEqual([2, 0, 1]);
  expect(numbers("", "length", true)).toEqual([1, 0, 2]);
  expect(numbers("0.1:80", "number", true)).toEqual([2, 0]);
  expect(numbers("sa", "source", false)).toEqual([0, 2, 1]);
  expect(numbers("udp", "number", false)).toEqual([]);
});
