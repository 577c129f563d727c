/** How a query is coloured. */
import { StreamLanguage, type StreamParser } from "@codemirror/language";
import { colours } from "@/ui/code";

interface State {
  quoted: boolean;
  /** Behind the colon of a condition. */
  value: boolean;
  /** Between the brackets of a range, which has spaces. */
  range: boolean;
  /** Behind a bar; its name is still to come, or has been. */
  command: "none" | "name" | "words";
}

export const queryParser: StreamParser<State> = {
  name: "query",
  startState: () => ({ quoted: false, value: false, range: false, command: "none" }),
  token(stream, state) {
    if (state.quoted) {
      stream.match(/^(?:\\.|[^"\\])+/);
      if (stream.eat('"')) state.quoted = false;
      else stream.next();
      return "string";
    }
    if (stream.eatSpace()) {
      state.value &&= state.range;
      return null;
    }
    if (stream.eat('"')) {
      state.quoted = true;
      return "string";
    }
    if (stream.eat("|")) {
      state.command = "name";
      return "bracket";
    }
    const bracket = /^[()[\]{}]/.exec(stream.peek() ?? "")?.[0];
    if (bracket) {
      stream.next();
      if (/[[\]{}]/.test(bracket)) state.range = /[[{]/.test(bracket);
      return "bracket";
    }
    if (state.command === "name") {
      if (!stream.match(/^\w+/)) stream.next();
      state.command = "words";
      return "controlKeyword";
    }
    if (state.command === "words") {
      if (stream.match(/^(?:-\w+|\d+|(?:asc|desc|count|first|last)\b)/)) return "number";
      if (stream.match(/^\w+(?=\()/)) return "controlKeyword";
      if (stream.match(/^[\w.@]+/)) return "keyword";
      stream.next();
      return null;
    }
    if (stream.match(/^(?:AND|OR|NOT|TO)(?![^\s()[\]])/)) return "controlKeyword";
    if (!state.value && stream.match(/^[-!](?=\S)/)) return "operator";
    if (!state.value && stream.match(/^[\w.@-]+(?=:)/)) return "keyword";
    if (!state.value && stream.eat(":")) {
      state.value = true;
      return "operator";
    }
    if (stream.match(/^(?:[<>]=?|\*)/)) return "operator";
    if (stream.match(/^[\d.:/]+(?![^\s()[\]|])/)) return "number";
    if (!stream.match(/^(?:\\.|[^\s()[\]{}|"*\\:])+/)) stream.next();
    return state.value ? "string" : null;
  },
};

export const queryLanguage = [StreamLanguage.define(queryParser), colours];
