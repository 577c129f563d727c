/** Editing the text of a query: adding, turning and removing conditions without disturbing the rest. */

const PLAIN = /^[\p{L}\p{N}._@/+%=~&;,?#$^<>-]+$/u;

/** A value as it is written behind `field:`. */
export function quoted(value: string): string {
  const risky = !PLAIN.test(value) || /^[-<>/]/.test(value) || /[*()"\\]/.test(value);
  return risky ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
}

export function condition(field: string, value: string, mode: "include" | "exclude" = "include"): string {
  return `${mode === "exclude" ? "-" : ""}${field}:${quoted(value)}`;
}

/** The conditions on the outermost level, or `null` when they are not simply joined by AND. */
export function conditions(query: string): string[] | null {
  const found: string[] = [];
  let depth = 0;
  let inQuotes = false;
  let inRange = false;
  let current = "";
  const end = () => {
    if (current) found.push(current);
    current = "";
  };
  for (let index = 0; index < query.length; index += 1) {
    const c = query[index] ?? "";
    if (c === "\\") {
      current += c + (query[index + 1] ?? "");
      index += 1;
      continue;
    }
    if (c === '"') inQuotes = !inQuotes;
    if (!inQuotes) {
      if (c === "(") depth += 1;
      if (c === ")") depth -= 1;
      if (c === "[" || c === "{") inRange = true;
      if (c === "]" || c === "}") inRange = false;
    }
    if (/\s/.test(c) && !inQuotes && !inRange && depth === 0) end();
    else current += c;
  }
  end();
  if (inQuotes || inRange || depth !== 0 || found.includes("OR")) return null;
  // NOT belongs to what follows it.
  const joined: string[] = [];
  for (let index = 0; index < found.length; index += 1) {
    const part = found[index] ?? "";
    if (part === "AND") continue;
    if (part === "NOT" && found[index + 1]) {
      joined.push(`NOT ${found[index + 1]}`);
      index += 1;
    } else {
      joined.push(part);
    }
  }
  return joined;
}

export interface Pipes {
  query: string;
  /** What stands between the bars behind it. */
  commands: string[];
}

/** A text cut at the bars that are neither quoted nor escaped. */
export function pipes(text: string): Pipes {
  const parts: string[] = [];
  let current = "";
  let inQuotes = false;
  for (let index = 0; index < text.length; index += 1) {
    const c = text[index] ?? "";
    if (c === "\\") {
      current += c + (text[index + 1] ?? "");
      index += 1;
    } else if (c === "|" && !inQuotes) {
      parts.push(current.trim());
      current = "";
    } else {
      if (c === '"') inQuotes = !inQuotes;
      current += c;
    }
  }
  const [query = "", ...commands] = [...parts, current.trim()];
  return { query, commands: commands.filter((command) => command !== "") };
}

export function joined({ query, commands }: Pipes): string {
  return [query, ...commands].join(" | ").trim();
}

/** With one more table. */
export function withTable(text: string, fields: readonly string[]): string {
  const { query, commands } = pipes(text);
  const added = `groupby ${fields.join(" ")}`;
  return joined({ query, commands: commands.includes(added) ? commands : [...commands, added] });
}

/** The commands that make the n-th table: `groupby` or `rare`, and what follows up to the next. */
function tablePlaces(commands: readonly string[]): [number, number][] {
  const starts = commands.flatMap((command, index) => (/^(groupby|rare)\b/.test(command) ? [index] : []));
  return starts.map((start) => {
    let end = start + 1;
    while (end < commands.length && /^(sortby|head)\b/.test(commands[end] ?? "")) end += 1;
    return [start, end];
  });
}

export function withoutTable(text: string, at: number): string {
  const { query, commands } = pipes(text);
  const place = tablePlaces(commands)[at];
  if (!place) return text;
  return joined({ query, commands: commands.filter((_, index) => index < place[0] || index >= place[1]) });
}

export function withView(text: string, at: number, view: string): string {
  const { query, commands } = pipes(text);
  const place = tablePlaces(commands)[at];
  const command = place && commands[place[0]];
  if (!place || command === undefined) return text;
  const [name = "groupby", ...words] = command.split(/\s+/).filter((word) => !/^-(table|bar|pie|sankey)$/.test(word));
  const changed = [name, ...(view === "table" ? [] : [`-${view}`]), ...words].join(" ");
  return joined({ query, commands: commands.map((one, index) => (index === place[0] ? changed : one)) });
}

/** The query with one more condition; its opposite is taken out. */
export function withCondition(text: string, field: string, value: string, mode: "include" | "exclude"): string {
  const { query, commands } = pipes(text);
  return joined({ query: plainWith(query, field, value, mode), commands });
}

function plainWith(query: string, field: string, value: string, mode: "include" | "exclude"): string {
  const added = condition(field, value, mode);
  const opposite = condition(field, value, mode === "include" ? "exclude" : "include");
  const parts = conditions(query);
  if (parts === null) return `(${query.trim()}) ${added}`;
  const kept = parts.filter((part) => part !== opposite && part !== added);
  return [...kept, added].join(" ");
}

export function withoutCondition(text: string, removed: string): string {
  const { query, commands } = pipes(text);
  const parts = conditions(query);
  return parts === null ? text : joined({ query: parts.filter((part) => part !== removed).join(" "), commands });
}

/** A condition turned into its opposite. */
export function opposite(part: string): string {
  if (part.startsWith("-")) return part.slice(1);
  if (part.startsWith("NOT ")) return part.slice(4);
  return `-${part}`;
}
