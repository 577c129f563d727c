/** Programs that send records over HTTP, each with its token. */
import { useQuery } from "@tanstack/react-query";
import { Copy, Plug, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { unitsQuery } from "@/lib/units";
import { Button, Card, Empty } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { useCopy } from "@/ui/value";
import { FormDialog, Sure, Text, UnitPick } from "@/ui/form";
import { Listing } from "@/ui/listing";
import { sourcesQuery, useCreateSource, useRenewSource, useRevokeSource } from "../api";

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
        name="sources"
        query={sources}
        items={sources.data}
        rows={3}
        rowKey={(source) => source.id}
        columns={[
          { head: t("sources.name"), value: (source) => source.name },
          { head: t("account.unit"), value: (source) => units.data?.find((unit) => unit.id === source.unit_id)?.name },
          { head: t("sources.id"), value: (source) => source.id, cell: (source) => <span className="mono">{source.id}</span> },
          {
            head: t("sources.created"),
            value: (source) => source.created,
            cell: (source) => (
              <span className="tabular nowrap">
                {dateTime(source.created, zone)} · {source.created_by}
              </span>
            ),
          },
          {
            head: t("settings.lastUsed"),
            value: (source) => source.last_used,
            cell: (source) => (source.last_used ? <span className="tabular nowrap">{dateTime(source.last_used, zone)}</span> : <span className="muted">{t("settings.neverUsed")}</span>),
          },
        ]}
        actions={(source) => (
          <>
            <Button size="small" aria-label={`${t("sources.renew")}: ${source.name}`} onClick={() => setRenewing(source)}>
              <RefreshCw aria-hidden /> {t("sources.renew")}
            </Button>
            <Button size="small" aria-label={`${t("sources.revoke")}: ${source.name}`} onClick={() => setRevoking(source)}>
              <Trash2 aria-hidden /> {t("sources.revoke")}
            </Button>
          </>
        )}
        empty={<Empty small title={t("sources.none")} icon={Plug} />}
      />
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
    <FormDialog
      title={t("sources.add")}
      submit={t("sources.add")}
      ready={name.trim() !== "" && !create.isPending}
      error={create.error}
      onSubmit={() => create.mutate({ name: name.trim(), unit_id: unit }, { onSuccess: (made) => onMade(made.token) })}
      onClose={onClose}
    >
      <Text label={t("sources.name")} hint={t("sources.nameHint")} maxLength={100} value={name} onText={setName} />
      <UnitPick value={unit} onPick={setUnit} />
    </FormDialog>
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
