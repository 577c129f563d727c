/** How the reader gets in: second factor, open sessions, tokens for programs. */
import { useQuery } from "@tanstack/react-query";
import { Copy, KeyRound, ShieldCheck, ShieldOff, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { usePrefs } from "@/lib/prefs";
import { ROLES, useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, Empty, Failure, IconButton, Loading, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { Qr } from "@/ui/qr";
import { toast } from "@/ui/toasts";
import { useCopy } from "@/ui/value";
import { FormDialog, Text } from "@/ui/form";
import { Listing } from "@/ui/listing";
import { factorQuery, sessionsQuery, tokensQuery, useBeginFactor, useConfirmFactor, useCreateToken, useDeleteToken, useEndSession, useRemoveFactor } from "../api";

const LIVES = [30, 90, 180, 365] as const;

export function Access() {
  return (
    <>
      <SecondFactor />
      <Sessions />
      <Tokens />
    </>
  );
}

function SecondFactor() {
  const { t } = useTranslation();
  const problem = useProblemText();
  const factor = useQuery(factorQuery);
  const begin = useBeginFactor();
  const [secret, setSecret] = useState<Schemas["SecondFactorSecret"]>();
  const [removing, setRemoving] = useState(false);
  return (
    <Card title={t("settings.factor")}>
      <p className="settings__text">{t("settings.factorText")}</p>
      {factor.isPending ? (
        <Loading rows={1} />
      ) : factor.isLoadingError ? (
        <Failure small error={factor.error} />
      ) : factor.data.enabled ? (
        <div className="settings__tools">
          <span className="tag tag--good">
            <ShieldCheck aria-hidden /> {t("settings.factorOn")}
          </span>
          <Button onClick={() => setRemoving(true)}>
            <ShieldOff aria-hidden /> {t("settings.factorRemove")}
          </Button>
        </div>
      ) : (
        <Button look="primary" disabled={begin.isPending} onClick={() => begin.mutate(undefined, { onSuccess: setSecret, onError: (error) => toast({ text: problem(error), bad: true }) })}>
          <ShieldCheck aria-hidden /> {t("settings.factorAdd")}
        </Button>
      )}
      {secret && <FactorDialog secret={secret} onClose={() => setSecret(undefined)} />}
      {removing && <RemoveDialog onClose={() => setRemoving(false)} />}
    </Card>
  );
}

function FactorDialog({ secret, onClose }: { secret: Schemas["SecondFactorSecret"]; onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const copy = useCopy();
  const [code, setCode] = useState("");
  const confirm = useConfirmFactor();
  const codes = confirm.data?.codes;
  return (
    <Dialog
      title={t("settings.factorAdd")}
      wide
      onClose={onClose}
      onSubmit={() => !codes && confirm.mutate(code)}
      actions={
        codes ? (
          <>
            <Button onClick={() => copy(codes.join("\n"))}>
              <Copy aria-hidden /> {t("value.copy")}
            </Button>
            <Button look="primary" onClick={onClose}>
              {t("settings.codesKept")}
            </Button>
          </>
        ) : (
          <>
            <Button onClick={onClose}>{t("common.cancel")}</Button>
            <Button look="primary" type="submit" disabled={code.trim().length < 6}>
              {t("settings.factorConfirm")}
            </Button>
          </>
        )
      }
    >
      {codes ? (
        <>
          <p>{t("settings.codesText")}</p>
          <ul className="settings__codes">
            {codes.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </>
      ) : (
        <div className="settings__secret">
          <Qr text={secret.uri} label={t("settings.factorQr")} />
          <div className="dialog__body">
            <p>{t("settings.factorScan")}</p>
            <p className="mono">{secret.secret.replace(/(.{4})/g, "$1 ")}</p>
            <div className="field">
              <label htmlFor={`${id}-code`}>{t("session.code")}</label>
              <input id={`${id}-code`} className="input mono" inputMode="numeric" autoComplete="one-time-code" maxLength={6} value={code} onChange={(event) => setCode(event.target.value)} />
            </div>
            {confirm.error && (
              <p className="field__error" role="alert">
                {problem(confirm.error)}
              </p>
            )}
          </div>
        </div>
      )}
    </Dialog>
  );
}

function RemoveDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const remove = useRemoveFactor();
  return (
    <FormDialog title={t("settings.factorRemove")} submit={t("settings.factorRemove")} ready={code.trim() !== ""} error={remove.error} onSubmit={() => remove.mutate(code, { onSuccess: onClose })} onClose={onClose}>
      <Text label={t("session.code")} className="mono" autoComplete="one-time-code" maxLength={32} value={code} onText={setCode} />
    </FormDialog>
  );
}

function Sessions() {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const problem = useProblemText();
  const sessions = useQuery(sessionsQuery);
  const end = useEndSession();
  return (
    <Card title={t("settings.sessions")} bare>
      <Listing
        caption={t("settings.sessions")}
        name="sessions"
        query={sessions}
        items={sessions.data}
        rows={3}
        rowKey={(session) => session.id}
        columns={[
          { head: t("settings.from"), value: (session) => session.address, cell: (session) => <span className="mono">{session.address}</span> },
          { head: t("settings.agent"), value: (session) => session.agent },
          { head: t("settings.opened"), value: (session) => session.created, cell: (session) => <span className="tabular nowrap">{dateTime(session.created, zone)}</span> },
          { head: t("settings.lastSeen"), value: (session) => session.last_seen, cell: (session) => <span className="tabular nowrap">{dateTime(session.last_seen, zone)}</span> },
        ]}
        actions={(session) =>
          session.current ? (
            <span className="tag tag--good">{t("settings.thisSession")}</span>
          ) : (
            <Button size="small" onClick={() => end.mutate(session.id, { onError: (error) => toast({ text: problem(error), bad: true }) })}>
              {t("settings.endSession")}
            </Button>
          )
        }
        empty={null}
      />
    </Card>
  );
}

function Tokens() {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const problem = useProblemText();
  const tokens = useQuery(tokensQuery);
  const remove = useDeleteToken();
  const [adding, setAdding] = useState(false);
  return (
    <Card
      title={t("settings.tokens")}
      bare
      aside={
        <Button size="small" onClick={() => setAdding(true)}>
          <KeyRound aria-hidden /> {t("settings.addToken")}
        </Button>
      }
    >
      <Listing
        caption={t("settings.tokens")}
        name="tokens"
        query={tokens}
        items={tokens.data}
        rowKey={(token) => token.id}
        columns={[
          { head: t("settings.tokenName"), value: (token) => token.name },
          { head: t("account.role"), value: (token) => t(`role.${token.role}`) },
          { head: t("settings.expires"), value: (token) => token.expires, cell: (token) => <span className="tabular nowrap">{dateTime(token.expires, zone)}</span> },
          {
            head: t("settings.lastUsed"),
            value: (token) => token.last_used,
            cell: (token) => (token.last_used ? <span className="tabular nowrap">{dateTime(token.last_used, zone)}</span> : <span className="muted">{t("settings.neverUsed")}</span>),
          },
        ]}
        actions={(token) => (
          <IconButton look="quiet" size="small" label={t("settings.deleteToken", { name: token.name })} onClick={() => remove.mutate(token.id, { onError: (error) => toast({ text: problem(error), bad: true }) })}>
            <Trash2 aria-hidden />
          </IconButton>
        )}
        empty={
          <Empty small title={t("settings.noTokens")} icon={KeyRound}>
            <p>{t("settings.tokensText")}</p>
          </Empty>
        }
      />
      {adding && <TokenDialog onClose={() => setAdding(false)} />}
    </Card>
  );
}

function TokenDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const { user } = useRights();
  const problem = useProblemText();
  const copy = useCopy();
  const [name, setName] = useState("");
  const [role, setRole] = useState<string>("viewer");
  const [days, setDays] = useState<number>(90);
  const create = useCreateToken();
  const made = create.data?.token;
  const own = ROLES.findIndex((one) => one === user.role);
  return (
    <Dialog
      title={t("settings.addToken")}
      onClose={onClose}
      onSubmit={() => !made && create.mutate({ name, role, days })}
      actions={
        made ? (
          <>
            <Button onClick={() => copy(made)}>
              <Copy aria-hidden /> {t("value.copy")}
            </Button>
            <Button look="primary" onClick={onClose}>
              {t("settings.tokenKept")}
            </Button>
          </>
        ) : (
          <>
            <Button onClick={onClose}>{t("common.cancel")}</Button>
            <Button look="primary" type="submit" disabled={name.trim() === ""}>
              {t("settings.addToken")}
            </Button>
          </>
        )
      }
    >
      {made ? (
        <>
          <p>{t("settings.tokenOnce")}</p>
          <pre className="code code--wrap">{made}</pre>
        </>
      ) : (
        <>
          <div className="field">
            <label htmlFor={`${id}-name`}>{t("settings.tokenName")}</label>
            <input id={`${id}-name`} className="input" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
          </div>
          <div className="field">
            <label htmlFor={`${id}-role`}>{t("account.role")}</label>
            <select id={`${id}-role`} className="select" value={role} onChange={(event) => setRole(event.target.value)}>
              {ROLES.slice(0, own + 1).map((one) => (
                <option key={one} value={one}>
                  {t(`role.${one}`)}
                </option>
              ))}
            </select>
          </div>
          <div className="field">
            <label htmlFor={`${id}-days`}>{t("settings.life")}</label>
            <select id={`${id}-days`} className="select" value={days} onChange={(event) => setDays(Number(event.target.value))}>
              {LIVES.map((one) => (
                <option key={one} value={one}>
                  {t("settings.days", { count: one })}
                </option>
              ))}
            </select>
          </div>
          {create.error && (
            <p className="field__error" role="alert">
              {problem(create.error)}
            </p>
          )}
        </>
      )}
    </Dialog>
  );
}
