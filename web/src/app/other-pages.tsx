import { Link, useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Empty, Failure } from "@/ui/basics";

/** What shows in the place of a page that could not be opened. */
export function ErrorPage({ error }: ErrorComponentProps) {
  const router = useRouter();
  return <Failure error={error} retry={() => void router.invalidate()} />;
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Empty title={t("notFound.title")} icon={Compass}>
      <p>{t("notFound.text")}</p>
      <Link to="/">{t("notFound.home")}</Link>
    </Empty>
  );
}
