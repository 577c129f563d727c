/** Names of DNS, each to its page. */
import { Link } from "@tanstack/react-router";

export function DomainLinks({ names }: { names: readonly string[] }) {
  return names.map((name, at) => (
    <span key={name}>
      {at > 0 && ", "}
      <Link to="/about/$kind/$value" params={{ kind: "domains", value: name }}>
        {name}
      </Link>
    </span>
  ));
}
