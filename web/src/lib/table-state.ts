/** How tables are sorted and filtered, which the page's address holds: a link shows what its sender saw. */
import { createContext, useContext, useEffect, useRef } from "react";
import { isObject } from "@/lib/json";

export interface TableState {
  /** The number of a column, with a minus before it from the greatest down. */
  order?: string;
  words?: string;
}

export type TableStates = Readonly<Record<string, TableState>>;

/** More tables than a page has. */
const MOST = 12;
const LONGEST = 200;

/** What of an address is valid; nothing if there is none of it. */
export function tableStates(raw: unknown): TableStates | undefined {
  if (!isObject(raw)) return undefined;
  const found = Object.entries(raw)
    .slice(0, MOST)
    .flatMap(([name, told]): [string, TableState][] => {
      if (!isObject(told)) return [];
      const order = typeof told.order === "string" && /^-?\d{1,2}$/.test(told.order) ? { order: told.order } : {};
      const words = typeof told.words === "string" && told.words !== "" ? { words: told.words.slice(0, LONGEST) } : {};
      return [[name, { ...order, ...words }]];
    })
    .filter(([, state]) => Object.keys(state).length > 0);
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

interface Store {
  states: TableStates;
  keep: (name: string, state: TableState) => void;
}

/** Who holds the states: the frame around the pages. Without it tables keep theirs to themselves. */
export const TableStore = createContext<Store | undefined>(undefined);

export function useFirstState(name: string): TableState {
  return useContext(TableStore)?.states[name] ?? {};
}

/** Typing rests this long before the address is changed. */
const REST_MS = 300;

export function useKeptState(name: string, order: string | undefined, words: string): void {
  const store = useContext(TableStore);
  const latest = useRef(store);
  useEffect(() => {
    latest.current = store;
  });
  useEffect(() => {
    const timer = setTimeout(() => {
      const kept = latest.current?.states[name] ?? {};
      if ((kept.order ?? "") !== (order ?? "") || (kept.words ?? "") !== words) latest.current?.keep(name, { order, words });
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [name, order, words]);
}
