/** Bytes as text or as hexadecimal, with stretches marked. */
import { Fragment } from "react";
import { printable, runs, type Mark } from "@/lib/hex";

const WIDTH = 16;

interface BytesProps {
  content: Uint8Array;
  marks: readonly Mark[];
  form: "text" | "hex";
  /** Of what scrolls by itself, and so must be reachable by keys. */
  label?: string;
}

export function Bytes({ content, marks, form, label }: BytesProps) {
  const reach = label === undefined ? {} : ({ tabIndex: 0, role: "region", "aria-label": label } as const);
  if (form === "text") {
    return (
      <pre className="code code--wrap bytes" {...reach}>
        <Marked from={0} to={content.length} marks={marks} show={(start, end) => printable(content.subarray(start, end))} />
      </pre>
    );
  }
  const lines = Array.from({ length: Math.ceil(content.length / WIDTH) }, (_, line) => line * WIDTH);
  return (
    <pre className="code bytes" {...reach}>
      {lines.map((start) => (
        <Line key={start} content={content} start={start} marks={marks} />
      ))}
    </pre>
  );
}

function Line({ content, start, marks }: { content: Uint8Array; start: number; marks: readonly Mark[] }) {
  const end = Math.min(start + WIDTH, content.length);
  const hex = (from: number, to: number) => [...content.subarray(from, to)].map((byte) => `${byte.toString(16).padStart(2, "0")} `).join("");
  const text = (from: number, to: number) => printable(content.subarray(from, to)).replace(/[\n\r\t]/g, ".");
  return (
    <>
      {`${start.toString(16).padStart(6, "0")}  `}
      <Marked from={start} to={end} marks={marks} show={hex} />
      {"   ".repeat(start + WIDTH - end)} <Marked from={start} to={end} marks={marks} show={text} />
      {"\n"}
    </>
  );
}

interface MarkedProps {
  from: number;
  to: number;
  marks: readonly Mark[];
  show: (from: number, to: number) => string;
}

function Marked({ from, to, marks, show }: MarkedProps) {
  return runs(from, to, marks).map((run) => (run.marked ? <mark key={run.start}>{show(run.start, run.end)}</mark> : <Fragment key={run.start}>{show(run.start, run.end)}</Fragment>));
}
