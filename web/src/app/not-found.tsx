import { Link } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Empty } from "@/ui/basics";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Empty title={t("notFound.title")} icon={Compass}>
      <p>{t("notFound.text")}</p>
      <Link to="/">{t("notFound.home")}</Link>
    </Empty>
  );
}
