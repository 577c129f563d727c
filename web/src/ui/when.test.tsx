import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import "@/lib/i18n";
import { When } from "./when";

function Field({ first }: { first: string }) {
  const [value, setValue] = useState(first);
  return (
    <>
      <When kind="moment" aria-label="lúc" value={value} onValue={setValue} />
      <output>{value}</output>
      <button onClick={() => setValue("2026-01-02T03:04:05")}>other</button>
    </>
  );
}

test("a moment is written day first, and what means nothing is none", async () => {
  const person = userEvent.setup();
  render(<Field first="2026-11-28T17:30:05" />);
  const field = screen.getByRole("textbox", { name: "lúc" });
  const value = () => screen.getByRole("status").textContent;
  expect(field).toHaveProperty("value", "28/11/2026 17:30:05");
  await person.clear(field);
  await person.type(field, "12/11/2026 8:00");
  expect(value()).toBe("2026-11-12T08:00:00");
  expect(field.getAttribute("aria-invalid")).toBeNull();
  await person.type(field, "x");
  expect([value(), field.getAttribute("aria-invalid")]).toEqual(["", "true"]);
  // It stands there to be mended, until another value comes.
  await person.tab();
  expect(field).toHaveProperty("value", "12/11/2026 8:00x");
  await person.click(screen.getByText("other"));
  expect(field).toHaveProperty("value", "02/01/2026 03:04:05");
});
