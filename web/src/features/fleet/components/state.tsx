/** How a sensor stands to what it is to run with. */
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";

const LOOKS: Readonly<Record<string, string>> = { current: "tag--good", refused: "tag--bad", waiting: "tag--warn", restart: "tag--warn" };

export function ConfigurationTag({ configuration }: { configuration: Schemas["ConfigurationBody"] | null | undefined }) {
  const { t } = useTranslation();
  if (!configuration) return <span className="muted">–</span>;
  const { state, refused_reason: reason } = configuration;
  return (
    <span className={`tag ${LOOKS[state] ?? ""}`} title={reason ?? undefined}>
      {t(`fleet.state.${state}`)}
    </span>
  );
}
