/** How a source is reached, read and scheduled. */
import { useTranslation } from "react-i18next";
import { Pick, Text } from "@/ui/form";
import type { FeedRequest } from "../api";
import { INDICATORS, KINDS, type Kind } from "../presets";

interface FormProps {
  request: FeedRequest;
  hasSecret?: boolean;
  onChange: (request: FeedRequest) => void;
}

const isKind = (text: string | undefined): text is Kind => KINDS.some((kind) => kind === text);

export function FeedFields({ request, hasSecret, onChange }: FormProps) {
  const { t } = useTranslation();
  const kind = isKind(request.kind) ? request.kind : "rules";
  const change = (part: Partial<FeedRequest>) => onChange({ ...request, ...part });
  const ofWeb = kind !== "folder";
  return (
    <>
      <Pick label={t("feeds.kind")} hint={t(`feeds.kindHint.${kind}`)} value={kind} options={KINDS.map((value) => ({ value, label: t(`feeds.kinds.${value}`) }))} onPick={(value) => change({ kind: value })} />
      {kind === "list" && (
        <Pick label={t("feeds.indicator")} value={request.indicator ?? "domain"} options={INDICATORS.map((value) => ({ value: value as string, label: t(`feeds.indicators.${value}`) }))} onPick={(value) => change({ indicator: value })} />
      )}
      <Text
        label={t(ofWeb ? "feeds.address" : "feeds.folder")}
        hint={t(ofWeb ? "feeds.addressHint" : "feeds.folderHint")}
        className="mono"
        maxLength={2_000}
        spellCheck={false}
        value={request.address ?? ""}
        onText={(text) => change({ address: text.trim() })}
      />
      <Text label={t("feeds.everyHours")} hint={t("feeds.everyHoursHint")} type="number" min={1} max={744} value={request.every_hours ?? ""} onText={(text) => change({ every_hours: text === "" ? undefined : Number(text) })} />
      {ofWeb && (
        <details className="feeds__more">
          <summary>{t("feeds.more")}</summary>
          <Text label={t("feeds.proxy")} hint={t("feeds.proxyHint")} className="mono" placeholder="http://proxy:3128" value={request.proxy ?? ""} onText={(text) => change({ proxy: text.trim() || null })} />
          <Text label={t("feeds.header")} hint={t("feeds.headerHint")} className="mono" placeholder="Auth-Key" value={request.header ?? ""} onText={(text) => change({ header: text.trim() || null })} />
          <Text label={t("feeds.secret")} hint={t(hasSecret ? "feeds.secretKept" : "feeds.secretHint")} className="mono" type="password" autoComplete="new-password" value={request.secret ?? ""} onText={(text) => change({ secret: text || undefined })} />
        </details>
      )}
      <label className="feeds__check">
        <input type="checkbox" checked={request.publishes ?? false} onChange={(event) => change({ publishes: event.target.checked })} /> {t("feeds.publishes")}
      </label>
      <p className="muted">{t("feeds.publishesHint")}</p>
      <label className="feeds__check">
        <input type="checkbox" checked={request.enabled} onChange={(event) => change({ enabled: event.target.checked })} /> {t("feeds.enabled")}
      </label>
    </>
  );
}
