/** Settings: how one gets in oneself, and, for administrators, people and units. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, type ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { useRights } from "@/lib/session";
import { Access } from "./components/access";
import { Audit } from "./components/audit";
import { Notifications } from "./components/notifications";
import { People } from "./components/people";
import { Sources } from "./components/sources";
import { Storage } from "./components/storage";
import { Units } from "./components/units";
import { Watch } from "./components/watch";
import { TABS, type Tab } from "./route";
import "./settings.css";

const SHOWN: Record<Tab, () => ReactElement> = { access: Access, people: People, units: Units, notifications: Notifications, alarms: Watch, sources: Sources, storage: Storage, audit: Audit };

const route = getRouteApi("/signed-in/settings");

export function SettingsPage() {
  const { t } = useTranslation();
  const { administrator, analyst } = useRights();
  const search = route.useSearch();
  const tabs = TABS.filter((tab) => administrator || tab === "access" || tab === "storage" || (analyst && tab === "notifications"));
  const shown = tabs.find((tab) => tab === search.tab) ?? "access";
  const Shown = SHOWN[shown];
  useEffect(() => {
    document.title = `${t("nav.admin")} – Mắt Lưới`;
  }, [t]);
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.admin")}</h1>
      </div>
      <nav className="tabs__list settings__tabs" aria-label={t("nav.admin")}>
        {tabs.map((tab) => (
          <Link key={tab} to="/settings" search={tab === "access" ? {} : { tab }} className="tabs__tab" aria-current={tab === shown ? "page" : undefined} activeOptions={{ exact: true }} activeProps={{}}>
            {t(`settings.tab.${tab}`)}
          </Link>
        ))}
      </nav>
      <div className="page__body settings">
        <Shown />
      </div>
    </div>
  );
}
