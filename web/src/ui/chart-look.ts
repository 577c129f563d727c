/** What charts have in common, apart from the library itself, which is loaded with the first chart. */

/** The value of a colour token. */
export type Colors = (token: string) => string;

export function tooltip(color: Colors) {
  return {
    // Drawn on the canvas: the page's policy takes no styles out of markup.
    renderMode: "richText" as const,
    backgroundColor: color("--raised"),
    borderColor: color("--line"),
    textStyle: { color: color("--ink"), fontSize: 12 },
    confine: true,
  };
}
