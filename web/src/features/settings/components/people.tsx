/** Accounts of the administrator's units. */
import { useQuery } from "@tanstack/react-query";
import { KeyRound, LockOpen, LogOut, Pencil, ShieldOff, UserPlus } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { usePrefs } from "@/lib/prefs";
import { ROLES } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { Menu, MenuItem } from "@/ui/menu";
import { toast } from "@/ui/toasts";
import { peopleQuery, unitsQuery, useCreateUser, useEndUserSessions, useResetFactor, useUnlockUser, useUpdateUser } from "../api";
import { Listing } from "./parts";

type User = Schemas["UserBody"];
const SHORTEST_PASSWORD = 12;

export function People() {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const people = useQuery(peopleQuery);
  const units = useQuery(unitsQuery);
  const [editing, setEditing] = useState<User | "new">();
  const problem = useProblemText();
  const unlock = useUnlockUser();
  const endSessions = useEndUserSessions();
  const resetFactor = useResetFactor();
  const told = (done: string) => ({ onSuccess: () => toast({ text: done }), onError: (error: Error) => toast({ text: problem(error), bad: true }) });
  const states = (user: User) => [
    ...(user.disabled ? [{ text: t("settings.disabled"), look: "tag--bad" }] : []),
    ...(user.locked_until ? [{ text: t("settings.locked"), look: "tag--warn" }] : []),
    { text: t(user.second_factor ? "settings.factorOn" : "settings.factorOff"), look: user.second_factor ? "tag--good" : "" },
  ];
  return (
    <Card
      title={t("settings.tab.people")}
      bare
      aside={
        <Button look="primary" size="small" onClick={() => setEditing("new")}>
          <UserPlus aria-hidden /> {t("settings.addUser")}
        </Button>
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
    </Card>
  );
}

function UserDialog({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const units = useQuery(unitsQuery);
  const [name, setName] = useState("");
  const [shown, setShown] = useState(user?.display_name ?? "");
  const [role, setRole] = useState<string>(user?.role ?? "analyst");
  const [chosen, setChosen] = useState<number | undefined>(user?.unit_id);
  const [password, setPassword] = useState("");
  const [disabled, setDisabled] = useState(user?.disabled ?? false);
  const create = useCreateUser();
  const update = useUpdateUser();
  const error = create.error ?? update.error;
  const unit = chosen ?? units.data?.[0]?.id;
  const done = { onSuccess: onClose };
  const submit = () => {
    if (unit === undefined) return;
    if (user) update.mutate({ id: user.id, display_name: shown, role, unit_id: unit, disabled, password: password || undefined }, done);
    else create.mutate({ name, display_name: shown, role, unit_id: unit, password }, done);
  };
  const fits = shown.trim() !== "" && (user ? password === "" || password.length >= SHORTEST_PASSWORD : name.trim() !== "" && password.length >= SHORTEST_PASSWORD);
  return (
    <Dialog
      title={user ? `${t("settings.editUser")}: ${user.name}` : t("settings.addUser")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" disabled={!fits}>
            <KeyRound aria-hidden /> {t("settings.save")}
          </Button>
        </>
      }
    >
      {!user && (
        <div className="field">
          <label htmlFor={`${id}-name`}>{t("settings.userName")}</label>
          <input id={`${id}-name`} className="input mono" maxLength={100} autoCapitalize="none" autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        </div>
      )}
      <div className="field">
        <label htmlFor={`${id}-shown`}>{t("account.displayName")}</label>
        <input id={`${id}-shown`} className="input" maxLength={100} value={shown} onChange={(event) => setShown(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-role`}>{t("account.role")}</label>
        <select id={`${id}-role`} className="select" value={role} onChange={(event) => setRole(event.target.value)}>
          {ROLES.map((one) => (
            <option key={one} value={one}>
              {t(`role.${one}`)}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-unit`}>{t("account.unit")}</label>
        <select id={`${id}-unit`} className="select" value={unit} onChange={(event) => setChosen(Number(event.target.value))}>
          {units.data?.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-password`}>{t(user ? "settings.newPassword" : "session.password")}</label>
        <input id={`${id}-password`} className="input" type="password" autoComplete="new-password" value={password} onChange={(event) => setPassword(event.target.value)} />
        <p className="muted">{t("account.tooShort", { count: SHORTEST_PASSWORD })}</p>
      </div>
      {user && (
        <label className="check">
          <input type="checkbox" checked={disabled} onChange={(event) => setDisabled(event.target.checked)} /> {t("settings.disable")}
        </label>
      )}
      {error && (
        <p className="field__error" role="alert">
          {problem(error)}
        </p>
      )}
    </Dialog>
  );
}
