/** The centre's rule sets that have a rule: where it is edited and tried. A rule of none is copied into one. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { FilePenLine, FilePlus2, FlaskConical } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { useRights } from "@/lib/session";
import { Button, buttonClass, Card } from "@/ui/basics";
import { Menu, MenuItem } from "@/ui/menu";
import { setsQuery } from "../api";

export function Holders({ sid, sets }: { sid: number; sets: readonly Schemas["RuleHolder"][] }) {
  const { t } = useTranslation();
  return (
    <Card title={t("bench.sets")}>
      {sets.length === 0 && <p className="muted">{t("rules.inNone")}</p>}
      <ul className="rules__holders">
        {sets.map(({ id, name, fed_by: source }) => (
          <li key={id}>
            <Link to="/rule-sets/$set" params={{ set: String(id) }} className="strong cut">
              {name}
            </Link>
            {source === null || source === undefined ? (
              <>
                <Link to="/rule-sets/$set" params={{ set: String(id) }} search={{ sid }} className={buttonClass("plain", "small")}>
                  <FilePenLine aria-hidden /> {t("rules.edit")}
                </Link>
                <Link to="/rule-sets/$set" params={{ set: String(id) }} search={{ sid, tab: "try" }} className={buttonClass("plain", "small")}>
                  <FlaskConical aria-hidden /> {t("rules.try")}
                </Link>
              </>
            ) : (
              <span className="muted">{t("bench.fedBy")}</span>
            )}
          </li>
        ))}
      </ul>
      {sets.every(({ fed_by: source }) => source !== null) && <Copying sid={sid} />}
    </Card>
  );
}

/** To change a rule that came with the collector or from a source, a copy of it is written. */
function Copying({ sid }: { sid: number }) {
  const { t } = useTranslation();
  const { author } = useRights();
  const navigate = useNavigate();
  const sets = useQuery({ ...setsQuery, enabled: author });
  const own = sets.data?.filter(({ fed_by: source }) => source === null || source === undefined) ?? [];
  if (!author || !sets.data) return null;
  if (own.length === 0)
    return (
      <Link to="/rule-sets" className={buttonClass("plain", "small")}>
        <FilePlus2 aria-hidden /> {t("rules.makeSet")}
      </Link>
    );
  return (
    <Menu
      label={t("rules.copyInto")}
      trigger={
        <Button size="small">
          <FilePlus2 aria-hidden /> {t("rules.copyInto")}
        </Button>
      }
    >
      {own.map(({ id, name }) => (
        <MenuItem key={id} icon={FilePlus2} onSelect={() => void navigate({ to: "/rule-sets/$set", params: { set: String(id) }, search: { add: sid } })}>
          {name}
        </MenuItem>
      ))}
    </Menu>
  );
}
