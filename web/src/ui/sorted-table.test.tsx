import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { SortedTable, type Column } from "./sorted-table";

interface Row {
  name: string;
  count: number;
}

const columns: Column<Row>[] = [
  { head: "Tên", value: (row) => row.name },
  { head: "Số", value: (row) => row.count, numeric: true },
];
const rows: Row[] = ["Đà Nẵng", "Huế", "An Giang", "Hà Nội", "Cần Thơ", "Điện Biên"].map((name, index) => ({ name, count: [10, 9, 100, 2, 7, 1][index] ?? 0 }));

const names = () => within(screen.getAllByRole("rowgroup")[1] ?? document.body).getAllByRole("row").map((row) => row.firstChild?.textContent);

test("a table sorts by its heads, both ways and back, and finds without accents", async () => {
  render(<SortedTable caption="Đơn vị" name="don-vi" columns={columns} items={rows} rowKey={(row) => row.name} empty="không có" />);
  const before = names();
  await userEvent.click(screen.getByRole("button", { name: "Số" }));
  // Of numbers the greatest stand first; of words, the first of the alphabet.
  expect(names()[0]).toBe("An Giang");
  expect(screen.getByRole("columnheader", { name: "Số" }).getAttribute("aria-sort")).toBe("descending");
  await userEvent.click(screen.getByRole("button", { name: "Số" }));
  expect(names()[0]).toBe("Điện Biên");
  await userEvent.click(screen.getByRole("button", { name: "Số" }));
  expect(names()).toEqual(before);
  await userEvent.click(screen.getByRole("button", { name: "Tên" }));
  expect(names()[0]).toBe("An Giang");
  await userEvent.type(screen.getByRole("searchbox"), "da nang");
  expect(names()).toEqual(["Đà Nẵng"]);
});

test("the order may be kept by the page", async () => {
  const orders: (string | undefined)[] = [];
  const named = columns.map((column, index) => ({ ...column, id: index === 0 ? "name" : "count" }));
  const table = (order: string | undefined) => <SortedTable caption="Đơn vị" name="x" columns={named} items={rows} rowKey={(row) => row.name} order={order} onOrder={(next) => orders.push(next)} empty="" />;
  const { rerender } = render(table("-count"));
  expect(names()[0]).toBe("An Giang");
  await userEvent.click(screen.getByRole("button", { name: "Số" }));
  rerender(table("count"));
  expect(names()[0]).toBe("Điện Biên");
  await userEvent.click(screen.getByRole("button", { name: "Số" }));
  expect(orders).toEqual(["count", undefined]);
  rerender(table("no-such-column"));
  expect(names()).toEqual(rows.map((row) => row.name));
});

test("of many rows some are drawn, all are found", async () => {
  const many = Array.from({ length: 10_000 }, (_, index) => ({ name: `hàng ${index}`, count: index }));
  render(<SortedTable caption="Đơn vị" name="x" columns={columns} items={many} rowKey={(row) => row.name} empty="" />);
  expect(names()).toHaveLength(200);
  await userEvent.click(screen.getByText(/200 dòng$/));
  expect(names()).toHaveLength(400);
  await userEvent.type(screen.getByRole("searchbox"), "9999");
  expect(names()).toEqual(["hàng 9999"]);
});

test("an empty table says so", () => {
  render(<SortedTable caption="Đơn vị" name="x" columns={columns} items={[]} rowKey={(row) => row.name} empty={<p>không có</p>} />);
  expect(screen.getByText("không có")).toBeTruthy();
});
