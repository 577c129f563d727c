/** Where in a query a fault is. */
export interface Place {
  from: number;
  to: number;
}

/** The word at a place that is told in characters, in the units of a JavaScript text. The last one, where the fault is that nothing follows. */
export function faultPlace(query: string, position: number): Place {
  const from = [...query].slice(0, position).join("").length;
  const word = /^\S+/.exec(query.slice(from))?.[0].length ?? 0;
  if (word > 0) return { from, to: from + word };
  const before = /\S*\s*$/.exec(query.slice(0, from))?.[0].length ?? 0;
  return { from: from - before, to: from };
}
