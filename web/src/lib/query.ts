/** Editing the text of a query: adding, turning and removing conditions without disturbing the rest. */

const PLAIN = /^[\p{L}\p{N}._@/+%=~&;,?#$^|<>-]+$/u;

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

/** The query with one more condition; its opposite is taken out. */
export function withCondition(query: string, field: string, value: string, mode: "include" | "exclude"): string {
  const added = condition(field, value, mode);
  const opposite = condition(field, value, mode === "include" ? "exclude" : "include");
  const parts = conditions(query);
  if (parts === null) return `(${query.trim()}) ${added}`;
  const kept = parts.filter((part) => part !== opposite && part !== added);
  return [...kept, added].join(" ");
}

export function withoutCondition(query: string, removed: string): string {
  const parts = conditions(query);
  return parts === null ? query : parts.filter((part) => part !== removed).join(" ");
}

/** A condition turned into its opposite. */
export function opposite(part: string): string {
  if (part.startsWith("-")) return part.slice(1);
  if (part.startsWith("NOT ")) return part.slice(4);
  return `-${part}`;
}
