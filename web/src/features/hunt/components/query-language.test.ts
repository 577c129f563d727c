import { StringStream } from "@codemirror/language";
import { expect, test } from "vitest";
import { queryParser } from "./query-language";

function coloured(text: string): string[] {
  const stream = new StringStream(text, 2, 2);
  const state = queryParser.startState?.(2);
  const found: string[] = [];
  while (state && !stream.eol()) {
    const look = queryParser.token(stream, state);
    expect(stream.pos, `stands still in ${text}`).toBeGreaterThan(stream.start);
    if (look) found.push(`${look} ${stream.current()}`);
    stream.start = stream.pos;
  }
  return found;
}

test.each([
  ["src_ip:10.0.0.0/8 AND -dest_port:>443", ["keyword src_ip", "operator :", "number 10.0.0.0/8", "controlKeyword AND", "operator -", "keyword dest_port", "operator :", "operator >", "number 443"]],
  ['http.url:"a \\" b" (x OR ANDy)', ["keyword http.url", "operator :", 'string "', 'string a \\" b"', "bracket (", "controlKeyword OR", "bracket )"]],
  ["timestamp:[-1d@d TO @d]", ["keyword timestamp", "operator :", "bracket [", "string -1d@d", "controlKeyword TO", "string @d", "bracket ]"]],
  ["dns:*.vn | groupby -bar src_ip sum(flow.bytes) | head 5", ["keyword dns", "operator :", "operator *", "string .vn", "bracket |", "controlKeyword groupby", "number -bar", "keyword src_ip", "controlKeyword sum", "bracket (", "keyword flow.bytes", "bracket )", "bracket |", "controlKeyword head", "number 5"]],
  ['"unfinished \\', ['string "', "string unfinished \\"]],
  [":::\\", ["operator :", "string :", "string :", "string \\"]],
])("%s", (text, expected) => expect(coloured(text)).toEqual(expected));
