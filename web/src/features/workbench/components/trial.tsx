/** Rules tried on a capture: what fired, and how near the others came. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { FlaskConical, Trash2, Upload } from "lucide-react";
import { useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { useRights } from "@/lib/session";
import { Button, Card, Empty, Failure, IconButton, Loading, useProblemText } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { toast } from "@/ui/toasts";
import { capturesQuery, useAddCapture, useDeleteCapture, useTry, type NearMiss, type Tried } from "../api";
import { Past } from "./past";
import { Fired } from "./write";

const route = getRouteApi("/signed-in/rule-sets/$set");

export function Trial({ text }: { text: string }) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const { author } = useRights();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const problem = useProblemText();
  const captures = useQuery(capturesQuery);
  const add = useAddCapture();
  const remove = useDeleteCapture();
  const [done, setDone] = useState(0);
  const trial = useTry();
  const file = useRef<HTMLInputElement>(null);
  const [shown, setShown] = useState(search.sid);
  const chosen = captures.data?.find((one) => one.id === search.capture) ?? captures.data?.[0];
  const choose = (capture: string | undefined) => void navigate({ search: (before) => ({ ...before, capture }), replace: true });
  const bad = (error: unknown) => toast({ text: problem(error), bad: true });
  const language = i18n.language === "en" ? "en" : "vi";
  const run = () => {
    setShown(search.sid);
    if (chosen) trial.mutate({ text, language, captures: [chosen.id] });
  };
  const runPast = (past: string[]) => {
    setShown(search.sid);
    setDone(0);
    trial.mutate({ text, language, captures: past, onDone: setDone });
  };
  if (captures.isPending) return <Loading rows={6} />;
  if (captures.isLoadingError) return <Failure error={captures.error} retry={() => void captures.refetch()} />;
  const rules = trial.data?.rules ?? [];
  const one = rules.find((rule) => rule.sid === shown) ?? rules.find((rule) => rule.alerts === 0) ?? rules[0];
  return (
    <div className="bench__trial">
      <div className="bench__bar">
        <label htmlFor={id}>{t("bench.capture")}</label>
        <select id={id} className="select" value={chosen?.id ?? ""} onChange={(event) => choose(event.target.value || undefined)} disabled={captures.data.length === 0}>
          {captures.data.length === 0 && <option value="">{t("bench.noCaptures")}</option>}
          {captures.data.map((capture) => (
            <option key={capture.id} value={capture.id}>
              {capture.name} · {t("bench.bytes", { size: number(Math.ceil(capture.bytes / 1024), i18n.language) })}
            </option>
          ))}
        </select>
        {author && (
          <>
            <Button look="primary" onClick={run} disabled={!chosen || trial.isPending}>
              <FlaskConical aria-hidden /> {t(trial.isPending ? "bench.trying" : "bench.run")}
            </Button>
            <input
              ref={file}
              type="file"
              className="hidden"
              tabIndex={-1}
              accept=".pcap,.pcapng,.cap,.gz,.zst"
              aria-label={t("bench.upload")}
              onChange={(event) => {
                const [first] = event.target.files ?? [];
                event.target.value = "";
                if (first) add.mutate(first, { onSuccess: (made) => choose(made.id), onError: bad });
              }}
            />
            <Button onClick={() => file.current?.click()} disabled={add.isPending}>
              <Upload aria-hidden /> {t(add.isPending ? "bench.uploading" : "bench.upload")}
            </Button>
            {chosen && (
              <IconButton look="quiet" label={t("bench.removeCapture", { name: chosen.name })} onClick={() => remove.mutate(chosen.id, { onError: bad })}>
                <Trash2 aria-hidden />
              </IconButton>
            )}
          </>
        )}
        <span className="muted">{t("bench.captureHint")}</span>
      </div>
      {author && <Past running={trial.isPending} done={done} onRun={runPast} />}
      {trial.isError ? (
        <Failure small error={trial.error} />
      ) : trial.isPending ? (
        <Loading rows={6} />
      ) : !trial.data ? (
        <Empty title={t(captures.data.length === 0 ? "bench.noCaptures" : "bench.notTried")} icon={FlaskConical}>
          <p>{t("bench.tryHint")}</p>
        </Empty>
      ) : (
        <div className="bench__results">
          <Card title={t("bench.results", { name: trial.data.captures > 1 ? t("bench.pastName", { count: trial.data.captures }) : trial.data.capture })} bare>
            <SortedTable
              caption={t("bench.tab.try")}
              name="rule-trial"
              items={rules}
              rowKey={(rule) => rule.sid}
              columns={[
                { head: "SID", value: (rule) => rule.sid, cell: (rule) => <span className="mono">{rule.sid}</span>, numeric: true },
                {
                  head: t("rules.column.rule"),
                  value: (rule) => rule.msg,
                  cell: (rule) => (
                    <button type="button" className="link" aria-pressed={rule === one} onClick={() => setShown(rule.sid)}>
                      {rule.msg || rule.sid}
                    </button>
                  ),
                },
                { head: t("bench.result"), value: (rule) => rule.alerts, cell: (rule) => <Fired alerts={rule.alerts} matches={rule.matches} /> },
                { head: t("bench.looks"), value: (rule) => rule.looks, cell: (rule) => number(rule.looks, i18n.language), numeric: true },
                { head: t("bench.matches"), value: (rule) => rule.matches, cell: (rule) => number(rule.matches, i18n.language), numeric: true },
              ]}
              empty={<Empty small title={t("bench.noRules")} />}
            />
          </Card>
          {one && <Near rule={one} />}
        </div>
      )}
    </div>
  );
}

/** Where each attempt of a rule ended. */
function Near({ rule }: { rule: Tried }) {
  const { t } = useTranslation();
  return (
    <Card title={t("bench.near", { sid: rule.sid })} aside={<Fired alerts={rule.alerts} matches={rule.matches} />}>
      {rule.alerts > 0 ? (
        <p>{t("bench.firedHint", { count: rule.alerts })}</p>
      ) : rule.matches > 0 && rule.attempts.length === 0 ? (
        <p>{t("bench.heldHint")}</p>
      ) : rule.attempts.length === 0 ? (
        <p>{t("bench.neverLooked")}</p>
      ) : (
        <ol className="bench__misses">
          {rule.attempts.map((miss, index) => (
            <Miss key={index} miss={miss} />
          ))}
        </ol>
      )}
    </Card>
  );
}

function Miss({ miss }: { miss: NearMiss }) {
  const { t } = useTranslation();
  return (
    <li>
      <p className="muted">
        {miss.frame ? t("bench.frame", { frame: miss.frame }) : t("bench.flowEnd")}
        {miss.source && miss.destination && (
          <span className="mono">
            {" "}
            {miss.source} → {miss.destination}
          </span>
        )}
        {miss.transaction !== null && miss.transaction !== undefined && ` · ${t("bench.transaction", { transaction: miss.transaction })}`}
      </p>
      {miss.buffer && <p>{miss.buffer}</p>}
      <p className="strong">{miss.why}</p>
      {miss.nearest && <p>{miss.nearest}</p>}
      {miss.hex && miss.hex.length > 0 && (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
        <pre className="code" tabIndex={0}>
          {miss.hex.join("\n")}
        </pre>
      )}
    </li>
  );
}
