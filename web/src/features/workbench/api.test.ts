import { expect, test } from "vitest";
import { added, unfetched, type Tried } from "./api";

const rule = (alerts: number, looks: number, attempts: number) => ({ sid: 1, msg: "m", alerts, looks, matches: alerts, attempts: Array.from({ length: attempts }, () => ({})) }) as unknown as Tried;

test("what a rule did on several captures is added up, and near misses stay few", () => {
  const sum = [rule(1, 5, 15), rule(2, 7, 15)].reduce<Tried | undefined>(added, undefined);
  expect(sum).toMatchObject({ alerts: 3, looks: 12, matches: 3 });
  expect(sum?.attempts).toHaveLength(20);
});

test("packets are asked for once of each flow, and not of those that are here or on their way", () => {
  const alert = (id: string, flow?: string) => ({ matluoi: { id }, ...(flow && { flow_id: flow }) });
  const asked = (flow_id: string, state: string) => ({ flow_id, state }) as unknown as Parameters<typeof unfetched>[1][number];
  const alerts = [alert("a", "1"), alert("b", "1"), alert("c", "2"), alert("d", "3"), alert("e"), alert("f", "4")];
  expect(unfetched(alerts, [asked("2", "ready"), asked("3", "failed"), asked("4", "uploading")])).toEqual(["a", "d"]);
  expect(unfetched(Array.from({ length: 90 }, (_, index) => alert(`e${index}`, `f${index}`)), [])).toHaveLength(20);
});
