/** Programs that send records over HTTP, each with its token. */
import { useQuery } from "@tanstack/react-query";
import { Copy, Plug, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, Empty } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { useCopy } from "@/ui/value";
import { sourcesQuery, unitsQuery, useCreateSource, useRenewSource, useRevokeSource } from "../api";
import { Fault, Listing, Sure, Text, UnitPick } from "./parts";

type Source = Schemas["SourceBody"];

export function Sources() {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const sources = useQuery(sourcesQuery);
  const units = useQuery(unitsQuery);
  const [adding, setAdding] = useState(false);
  const [renewing, setRenewing] = useState<Source>();
  const [revoking, setRevoking] = useState<Source>();
  const [token, setToken] = useState<string>();
  const renew = useRenewSource();
  const revoke = useRevokeSource();
  return (
    <Card
      title={t("settings.tab.sources")}
      bare
      aside={
        <Button look="primary" size="small" onClick={() => setAdding(true)}>
          <Plug aria-hidden /> {t("sources.add")}
        </Button>
      }
    >
      <p className="card__body">{t("sources.text")}</p>
      <Listing
        caption={t("settings.tab.sources")}
        heads={[t("sources.name"), t("account.unit"), t("sources.id"), t("sources.created"), t("settings.lastUsed")]}
        query={sources}
        items={sources.data}
        rows={3}
        empty={
          <Empty small title={t("sources.none")} icon={Plug} />
        }
      >
        {(source) => (
          <tr key={source.id}>
            <td>{source.name}</td>
            <td>{units.data?.find((unit) => unit.id === source.unit_id)?.name}</td>
            <td className="mono">{source.id}</td>
            <td className="tabular nowrap">
              {dateTime(source.created, zone)} · {source.created_by}
            </td>
            <td className="tabular nowrap">{source.last_used ? dateTime(source.last_used, zone) : <span className="muted">{t("settings.neverUsed")}</span>}</td>
            <td className="nowrap">
              <Button size="small" aria-label={`${t("sources.renew")}: ${source.name}`} onClick={() => setRenewing(source)}>
                <RefreshCw aria-hidden /> {t("sources.renew")}
              </Button>
              <Button size="small" aria-label={`${t("sources.revoke")}: ${source.name}`} onClick={() => setRevoking(source)}>
                <Trash2 aria-hidden /> {t("sources.revoke")}
              </Button>
            </td>
          </tr>
        )}
      </Listing>
      {adding && (
        <SourceDialog
          onMade={(made) => {
            setAdding(false);
            setToken(made);
          }}
          onClose={() => setAdding(false)}
        />
      )}
      {token && <TokenShown token={token} onClose={() => setToken(undefined)} />}
      {renewing && (
        <Sure
          title={`${t("sources.renew")}: ${renewing.name}`}
          text={t("sources.renewText")}
          action={t("sources.renew")}
          error={renew.error}
          onYes={() =>
            renew.mutate(renewing.id, {
              onSuccess: (made) => {
                setRenewing(undefined);
                setToken(made.token);
              },
            })
          }
          onClose={() => setRenewing(undefined)}
        />
      )}
      {revoking && (
        <Sure
          title={`${t("sources.revoke")}: ${revoking.name}`}
          text={t("sources.revokeText")}
          action={t("sources.revoke")}
          error={revoke.error}
          onYes={() => revoke.mutate(revoking.id, { onSuccess: () => setRevoking(undefined) })}
          onClose={() => setRevoking(undefined)}
        />
      )}
    </Card>
  );
}

function SourceDialog({ onMade, onClose }: { onMade: (token: string) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useRights();
  const [name, setName] = useState("");
  const [unit, setUnit] = useState(user.unit_id);
  const create = useCreateSource();
  return (
    <Dialog
      title={t("sources.add")}
      onClose={onClose}
      onSubmit={() => name.trim() && create.mutate({ name: name.trim(), unit_id: unit }, { onSuccess: (made) => onMade(made.token) })}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" disabled={name.trim() === "" || create.isPending}>
            {t("sources.add")}
          </Button>
        </>
      }
    >
      <Text label={t("sources.name")} hint={t("sources.nameHint")} maxLength={100} value={name} onText={setName} />
      <UnitPick value={unit} onPick={setUnit} />
      <Fault error={create.error} />
    </Dialog>
  );
}

function TokenShown({ token, onClose }: { token: string; onClose: () => void }) {
  const { t } = useTranslation();
  const copy = useCopy();
  const base = `${location.origin}/api/v1`;
  return (
    <Dialog
      title={t("sources.token")}
      wide
      onClose={onClose}
      onSubmit={onClose}
      actions={
        <>
          <Button onClick={() => copy(token)}>
            <Copy aria-hidden /> {t("value.copy")}
          </Button>
          <Button look="primary" type="submit">
            {t("settings.tokenKept")}
          </Button>
        </>
      }
    >
      <p>{t("settings.tokenOnce")}</p>
      <pre className="code code--wrap sources__token">{token}</pre>
      <p>{t("sources.how")}</p>
      <pre className="code code--wrap">{`curl -H 'Authorization: Bearer …' --data-binary @eve.json ${base}/ingest`}</pre>
      <p>{t("sources.elastic")}</p>
      <pre className="code code--wrap">{`${base}/elastic`}</pre>
    </Dialog>
  );
}
