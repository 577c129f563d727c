/** Accounts of the administrator's units. */
import { useQuery } from "@tanstack/react-query";
import { IdCard, KeyRound, LockOpen, LogOut, Pencil, ShieldOff, UserPlus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { usePrefs } from "@/lib/prefs";
import { ROLES, useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { unitsQuery } from "@/lib/units";
import { Button, Card, useProblemText } from "@/ui/basics";
import { Menu, MenuItem } from "@/ui/menu";
import { toast } from "@/ui/toasts";
import { FormDialog, Pick, Text, UnitPick } from "@/ui/form";
import { Listing } from "@/ui/listing";
import { identitiesQuery, peopleQuery, useCreateUser, useEndUserSessions, useResetFactor, useSetIdentity, useUnlockUser, useUpdateUser } from "../api";
import { ProviderDialog } from "./provider-dialog";

type User = Schemas["UserBody"];
const SHORTEST_PASSWORD = 12;

export function People() {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const people = useQuery(peopleQuery);
  const units = useQuery(unitsQuery);
  const identities = useQuery(identitiesQuery);
  const [editing, setEditing] = useState<User | "new">();
  const [announcing, setAnnouncing] = useState<User>();
  const [providing, setProviding] = useState(false);
  const identityOf = (user: User) => identities.data?.find((one) => one.user_id === user.id);
  const problem = useProblemText();
  const unlock = useUnlockUser();
  const endSessions = useEndUserSessions();
  const resetFactor = useResetFactor();
  const told = (done: string) => ({ onSuccess: () => toast({ text: done }), onError: (error: Error) => toast({ text: problem(error), bad: true }) });
  const states = (user: User) => [
    ...(user.disabled ? [{ text: t("settings.disabled"), look: "tag--bad" }] : []),
    ...(user.locked_until ? [{ text: t("settings.locked"), look: "tag--warn" }] : []),
    ...(identityOf(user) ? [{ text: t(identityOf(user)?.made ? "provider.made" : identityOf(user)?.known ? "provider.known" : "provider.announced"), look: "" }] : []),
    { text: t(user.second_factor ? "settings.factorOn" : "settings.factorOff"), look: user.second_factor ? "tag--good" : "" },
  ];
  return (
    <Card
      title={t("settings.tab.people")}
      bare
      aside={
        <span className="settings__tools">
          <Button size="small" onClick={() => setProviding(true)}>
            <IdCard aria-hidden /> {t("provider.title")}
          </Button>
          <Button look="primary" size="small" onClick={() => setEditing("new")}>
            <UserPlus aria-hidden /> {t("settings.addUser")}
          </Button>
        </span>
      }
    >
      <Listing
        caption={t("settings.tab.people")}
        name="people"
        query={people}
        items={people.data}
        rows={6}
        rowKey={(user) => user.id}
        columns={[
          { head: t("settings.userName"), value: (user) => user.name, cell: (user) => <span className="mono">{user.name}</span> },
          { head: t("account.displayName"), value: (user) => user.display_name },
          { head: t("account.role"), value: (user) => t(`role.${user.role}`) },
          { head: t("account.unit"), value: (user) => units.data?.find((unit) => unit.id === user.unit_id)?.name },
          {
            head: t("settings.lastSignIn"),
            value: (user) => user.last_sign_in,
            cell: (user) => (user.last_sign_in ? <span className="tabular nowrap">{dateTime(user.last_sign_in, zone)}</span> : <span className="muted">{t("settings.neverSignedIn")}</span>),
          },
          {
            head: t("settings.state"),
            value: (user) => states(user).map(({ text }) => text).join(", "),
            cell: (user) => (
              <span className="settings__tools">
                {states(user).map(({ text, look }) => (
                  <span key={text} className={`tag ${look}`}>
                    {text}
                  </span>
                ))}
              </span>
            ),
          },
        ]}
        actions={(user) => (
          <Menu
            align="end"
            label={user.name}
            trigger={
              <Button size="small" aria-label={`${t("settings.actions")}: ${user.name}`}>
                {t("settings.actions")}
              </Button>
            }
          >
            <MenuItem icon={Pencil} onSelect={() => setEditing(user)}>
              {t("settings.editUser")}
            </MenuItem>
            <MenuItem icon={IdCard} disabled={identityOf(user)?.made} onSelect={() => setAnnouncing(user)}>
              {t("provider.announce")}
            </MenuItem>
            <MenuItem icon={LogOut} onSelect={() => endSessions.mutate(user.id, told(t("settings.sessionsEnded")))}>
              {t("settings.endSessions")}
            </MenuItem>
            <MenuItem icon={LockOpen} disabled={!user.locked_until} onSelect={() => unlock.mutate(user.id, told(t("settings.unlocked")))}>
              {t("settings.unlock")}
            </MenuItem>
            <MenuItem icon={ShieldOff} disabled={!user.second_factor} onSelect={() => resetFactor.mutate(user.id, told(t("settings.factorReset")))}>
              {t("settings.resetFactor")}
            </MenuItem>
          </Menu>
        )}
        empty={null}
      />
      {editing && <UserDialog user={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />}
      {announcing && <IdentityDialog user={announcing} before={identityOf(announcing)?.expected ?? ""} onClose={() => setAnnouncing(undefined)} />}
      {providing && <ProviderDialog onClose={() => setProviding(false)} />}
    </Card>
  );
}

function UserDialog({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const { user: reader } = useRights();
  const [name, setName] = useState("");
  const [shown, setShown] = useState(user?.display_name ?? "");
  const [role, setRole] = useState<string>(user?.role ?? "analyst");
  const [unit, setUnit] = useState(user?.unit_id ?? reader.unit_id);
  const [password, setPassword] = useState("");
  const [disabled, setDisabled] = useState(user?.disabled ?? false);
  const create = useCreateUser();
  const update = useUpdateUser();
  const error = create.error ?? update.error;
  const done = { onSuccess: onClose };
  const submit = () => {
    if (user) update.mutate({ id: user.id, display_name: shown, role, unit_id: unit, disabled, password: password || undefined }, done);
    else create.mutate({ name, display_name: shown, role, unit_id: unit, password }, done);
  };
  const fits = shown.trim() !== "" && (user ? password === "" || password.length >= SHORTEST_PASSWORD : name.trim() !== "" && password.length >= SHORTEST_PASSWORD);
  return (
    <FormDialog
      title={user ? `${t("settings.editUser")}: ${user.name}` : t("settings.addUser")}
      submit={
        <>
          <KeyRound aria-hidden /> {t("settings.save")}
        </>
      }
      ready={fits}
      error={error}
      onSubmit={submit}
      onClose={onClose}
    >
      {!user && <Text label={t("settings.userName")} className="mono" maxLength={100} autoCapitalize="none" value={name} onText={setName} />}
      <Text label={t("account.displayName")} maxLength={100} value={shown} onText={setShown} />
      <Pick label={t("account.role")} value={role} options={ROLES.map((value) => ({ value: value as string, label: t(`role.${value}`) }))} onPick={setRole} />
      <UnitPick value={unit} onPick={setUnit} />
      <Text label={t(user ? "settings.newPassword" : "session.password")} hint={t("account.tooShort", { count: SHORTEST_PASSWORD })} type="password" autoComplete="new-password" value={password} onText={setPassword} />
      {user && (
        <label className="check">
          <input type="checkbox" checked={disabled} onChange={(event) => setDisabled(event.target.checked)} /> {t("settings.disable")}
        </label>
      )}
    </FormDialog>
  );
}

/** How the provider calls a person. */
function IdentityDialog({ user, before, onClose }: { user: User; before: string; onClose: () => void }) {
  const { t } = useTranslation();
  const [expected, setExpected] = useState(before);
  const set = useSetIdentity();
  return (
    <FormDialog
      title={`${t("provider.announce")}: ${user.name}`}
      submit={
        <>
          <IdCard aria-hidden /> {t("settings.save")}
        </>
      }
      ready={!set.isPending}
      error={set.error}
      onSubmit={() => set.mutate({ id: user.id, expected: expected.trim() || null }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>{t("provider.announceText")}</p>
      <Text label={t("provider.expected")} hint={t("provider.expectedHint")} className="mono" maxLength={320} autoCapitalize="none" value={expected} onText={setExpected} />
    </FormDialog>
  );
}
