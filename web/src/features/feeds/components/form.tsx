/** How a source is reached, read and scheduled. */
import { useId, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
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
  const id = useId();
  const kind = isKind(request.kind) ? request.kind : "rules";
  const change = (part: Partial<FeedRequest>) => onChange({ ...request, ...part });
  const ofWeb = kind !== "folder";
  return (
    <>
      <Field id={`${id}-kind`} label={t("feeds.kind")} hint={t(`feeds.kindHint.${kind}`)}>
        <select id={`${id}-kind`} className="select" value={kind} onChange={(event) => change({ kind: event.target.value })}>
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {t(`feeds.kinds.${one}`)}
            </option>
          ))}
        </select>
      </Field>
      {kind === "list" && (
        <Field id={`${id}-indicator`} label={t("feeds.indicator")}>
          <select id={`${id}-indicator`} className="select" value={request.indicator ?? "domain"} onChange={(event) => change({ indicator: event.target.value })}>
            {INDICATORS.map((one) => (
              <option key={one} value={one}>
                {t(`feeds.indicators.${one}`)}
              </option>
            ))}
          </select>
        </Field>
      )}
      <Field id={`${id}-address`} label={t(ofWeb ? "feeds.address" : "feeds.folder")} hint={t(ofWeb ? "feeds.addressHint" : "feeds.folderHint")}>
        <input id={`${id}-address`} className="input mono" maxLength={2_000} autoComplete="off" spellCheck={false} value={request.address ?? ""} onChange={(event) => change({ address: event.target.value.trim() })} />
      </Field>
      <Field id={`${id}-hours`} label={t("feeds.everyHours")} hint={t("feeds.everyHoursHint")}>
        <input id={`${id}-hours`} className="input" type="number" min={1} max={744} value={request.every_hours ?? ""} onChange={(event) => change({ every_hours: event.target.value === "" ? undefined : Number(event.target.value) })} />
      </Field>
      {ofWeb && (
        <details className="feeds__more">
          <summary>{t("feeds.more")}</summary>
          <Field id={`${id}-proxy`} label={t("feeds.proxy")} hint={t("feeds.proxyHint")}>
            <input id={`${id}-proxy`} className="input mono" autoComplete="off" placeholder="http://proxy:3128" value={request.proxy ?? ""} onChange={(event) => change({ proxy: event.target.value.trim() || null })} />
          </Field>
          <Field id={`${id}-header`} label={t("feeds.header")} hint={t("feeds.headerHint")}>
            <input id={`${id}-header`} className="input mono" autoComplete="off" placeholder="Auth-Key" value={request.header ?? ""} onChange={(event) => change({ header: event.target.value.trim() || null })} />
          </Field>
          <Field id={`${id}-secret`} label={t("feeds.secret")} hint={t(hasSecret ? "feeds.secretKept" : "feeds.secretHint")}>
            <input id={`${id}-secret`} className="input mono" type="password" autoComplete="new-password" value={request.secret ?? ""} onChange={(event) => change({ secret: event.target.value || undefined })} />
          </Field>
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

function Field({ id, label, hint, children }: { id: string; label: string; hint?: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint && <p className="muted">{hint}</p>}
    </div>
  );
}
