import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { Bytes } from "./bytes";

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
