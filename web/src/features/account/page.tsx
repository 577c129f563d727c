/** Who I am here, how the console looks for me, and my password. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ApiError, body } from "@/lib/api";
import { setPref, usePrefs } from "@/lib/prefs";
import { sessionQuery, useRights } from "@/lib/session";
import { unitsQuery } from "@/lib/units";
import { Button, Card, Segmented, useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import "./account.css";

export function AccountPage() {
  const { t } = useTranslation();
  const { user } = useRights();
  const { language, theme, zone, density } = usePrefs();
  const units = useQuery(unitsQuery);
  const queries = useQueryClient();
  const router = useRouter();
  const problem = useProblemText();
  const everywhere = useMutation({
    mutationFn: () => body(api.DELETE("/api/v1/session/all")),
    onSuccess: async () => {
      queries.clear();
      queries.setQueryData(sessionQuery.queryKey, null);
      await router.invalidate();
    },
    onError: (error) => toast({ text: problem(error), bad: true }),
  });
  useEffect(() => {
    document.title = `${t("nav.account")} – Mắt Lưới`;
  }, [t]);
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.account")}</h1>
      </div>
      <div className="page__body account">
        <Card title={t("account.who")}>
          <dl className="pairs">
            <dt>{t("session.username")}</dt>
            <dd>{user.name}</dd>
            <dt>{t("account.displayName")}</dt>
            <dd>{user.display_name}</dd>
            <dt>{t("account.role")}</dt>
            <dd>{t(`role.${user.role}`)}</dd>
            <dt>{t("account.unit")}</dt>
            <dd>{units.data?.find((unit) => unit.id === user.unit_id)?.name ?? "–"}</dd>
          </dl>
        </Card>
        <Card title={t("account.look")}>
          <div className="account__prefs">
            <span>{t("prefs.language")}</span>
            <Segmented
              legend={t("prefs.language")}
              value={language}
              options={(["vi", "en"] as const).map((value) => ({ value, label: <span lang={value}>{t(`language.${value}`)}</span> }))}
              onChange={(value) => {
                setPref("language", value);
                // Kept for other browsers; this one has it.
                api.PUT("/api/v1/session/locale", { body: { locale: value } }).catch(() => undefined);
              }}
            />
            <span>{t("prefs.theme")}</span>
            <Segmented legend={t("prefs.theme")} value={theme} options={(["system", "light", "dark"] as const).map((value) => ({ value, label: t(`theme.${value}`) }))} onChange={(value) => setPref("theme", value)} />
            <span>{t("prefs.density")}</span>
            <Segmented legend={t("prefs.density")} value={density} options={(["comfortable", "dense"] as const).map((value) => ({ value, label: t(`density.${value}`) }))} onChange={(value) => setPref("density", value)} />
            <span>{t("prefs.zone")}</span>
            <Segmented
              legend={t("prefs.zone")}
              value={zone}
              options={[
                { value: "Asia/Ho_Chi_Minh", label: t("zone.vietnam") },
                { value: "UTC", label: "UTC" },
              ]}
              onChange={(value) => setPref("zone", value)}
            />
          </div>
        </Card>
        <Password />
        <Card title={t("account.sessions")}>
          <div className="account__sessions">
            <p>{t("account.sessionsText")}</p>
            <Button look="danger" disabled={everywhere.isPending} onClick={() => everywhere.mutate()}>
              <LogOut aria-hidden /> {t("account.everywhere")}
            </Button>
          </div>
        </Card>
      </div>
    </div>
  );
}

const LEAST = 12;

function Password() {
  const { t } = useTranslation();
  const { user } = useRights();
  const problem = useProblemText();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const change = useMutation({
    mutationFn: () => body(api.PUT("/api/v1/session/password", { body: { current, new: next } })),
    onSuccess: () => {
      setCurrent("");
      setNext("");
      setAgain("");
      toast({ text: t("account.passwordChanged") });
    },
  });
  const short = next !== "" && next.length < LEAST;
  const differs = again !== "" && again !== next;
  const ready = current !== "" && next.length >= LEAST && again === next;
  const wrong = change.error instanceof ApiError && change.error.problem?.field === "current";
  return (
    <Card title={t("account.password")}>
      <form
        className="account__form"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) change.mutate();
        }}
      >
        <input className="hidden" type="text" autoComplete="username" readOnly tabIndex={-1} aria-hidden value={user.name} />
        <div className="field">
          <label htmlFor="current">{t("account.current")}</label>
          <input id="current" className="input" type="password" autoComplete="current-password" value={current} aria-invalid={wrong} onChange={(event) => setCurrent(event.target.value)} />
        </div>
        <div className="field">
          <label htmlFor="new">{t("account.new")}</label>
          <input id="new" className="input" type="password" autoComplete="new-password" value={next} aria-invalid={short} onChange={(event) => setNext(event.target.value)} />
          {short && <p className="field__error">{t("account.tooShort", { count: LEAST })}</p>}
        </div>
        <div className="field">
          <label htmlFor="again">{t("account.again")}</label>
          <input id="again" className="input" type="password" autoComplete="new-password" value={again} aria-invalid={differs} onChange={(event) => setAgain(event.target.value)} />
          {differs && <p className="field__error">{t("account.differs")}</p>}
        </div>
        {change.isError && (
          <p className="note note--bad" role="alert">
            {wrong ? t("account.wrong") : problem(change.error)}
          </p>
        )}
        <Button type="submit" look="primary" disabled={!ready || change.isPending}>
          {t("account.change")}
        </Button>
      </form>
    </Card>
  );
}
