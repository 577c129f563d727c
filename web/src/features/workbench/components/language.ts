/** How rule text is coloured. */
import { StreamLanguage, type StreamParser } from "@codemirror/language";
import { colours } from "@/ui/code";

interface State {
  /** In parentheses: where options stand. */
  inside: boolean;
  /** At the name of an option. */
  name: boolean;
  quoted: boolean;
  /** The line before goes on in this one. */
  goesOn: boolean;
}

const fresh = (): State => ({ inside: false, name: false, quoted: false, goesOn: false });

export const ruleParser: StreamParser<State> = {
  name: "rules",
  startState: fresh,
  token(stream, state) {
    if (stream.sol()) {
      if (!state.goesOn) Object.assign(state, fresh());
      state.goesOn = stream.string.endsWith("\\");
    }
    if (state.quoted) {
      if (stream.match(/^(?:\\.|\|[0-9a-fA-F ]*\||[^"\\])+/)) return "string";
      if (stream.eat('"')) {
        state.quoted = false;
        return "string";
      }
      stream.next();
      return "string";
    }
    if (stream.eatSpace()) return null;
    if (!state.inside) {
      if (stream.sol() && stream.eat("#")) {
        stream.skipToEnd();
        return "comment";
      }
      if (stream.eat("(")) {
        state.inside = true;
        state.name = true;
        return "bracket";
      }
      if (stream.match(/^(?:->|<>|=>)/)) return "operator";
      if (stream.match(/^\$\w+/)) return "variableName";
      if (stream.match(/^(?:alert|pass|drop|reject\w*|config)\b/)) return "controlKeyword";
      if (stream.match(/^[\d.:/]+/)) return "number";
      if (!stream.match(/^\w+/)) stream.next();
      return null;
    }
    if (state.name) {
      if (stream.match(/^[\w.-]+/)) {
        state.name = false;
        return "keyword";
      }
    }
    const letter = stream.next();
    if (letter === '"') {
      state.quoted = true;
      return "string";
    }
    if (letter === ";") {
      state.name = true;
      return null;
    }
    if (letter === "\\") stream.next();
    else if (letter === ")" && state.name) {
      state.inside = false;
      return "bracket";
    } else if (letter && /\d/.test(letter)) {
      stream.match(/^[\w.]+/);
      return "number";
    } else if (letter === "!") return "operator";
    return null;
  },
};

export const ruleLanguage = [StreamLanguage.define(ruleParser), colours];
