/** A page about one thing, while that is on its way or does not come: what it is, the way back, and why. */
import type { ReactNode } from "react";
import { Failure, Loading } from "@/ui/basics";

interface UnreadyProps {
  title: string;
  /** Leads to the page that this one is reached from. */
  back: ReactNode;
  found: { isPending: boolean; error: unknown; refetch: () => unknown };
}

export function Unready({ title, back, found }: UnreadyProps) {
  return (
    <div className="page">
      <div className="page__head">
        {back}
        <h1>{title}</h1>
      </div>
      <div className="page__body">{found.isPending ? <Loading rows={10} /> : <Failure error={found.error} retry={() => void found.refetch()} />}</div>
    </div>
  );
}
