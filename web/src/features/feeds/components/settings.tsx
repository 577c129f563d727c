import { useNavigate } from "@tanstack/react-router";
import { Save, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, Card } from "@/ui/basics";
import { Fault, Sure } from "@/ui/form";
import { toast } from "@/ui/toasts";
import { useChangeFeed, useDeleteFeed, type Feed, type FeedRequest } from "../api";
import { FeedFields } from "./form";

function requestOf(feed: Feed): FeedRequest {
  return {
    kind: feed.kind, indicator: feed.indicator, address: feed.address, proxy: feed.proxy, header: feed.header,
    enabled: feed.enabled, every_hours: feed.every_hours, publishes: feed.publishes,
  };
}

export function Settings({ feed }: { feed: Feed }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const change = useChangeFeed(feed.id);
  const remove = useDeleteFeed();
  const [request, setRequest] = useState(() => requestOf(feed));
  const [removing, setRemoving] = useState(false);
  return (
    <Card title={t("feeds.tab.settings")}>
      <form
        className="feeds__settings"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(request, { onSuccess: () => toast({ text: t("feeds.saved") }) });
        }}
      >
        <FeedFields request={request} hasSecret={feed.has_secret} onChange={setRequest} />
        <Fault error={change.error} />
        <div className="feeds__actions">
          <Button look="primary" type="submit" disabled={change.isPending}>
            <Save aria-hidden /> {t("feeds.save")}
          </Button>
          <Button look="danger" onClick={() => setRemoving(true)}>
            <Trash2 aria-hidden /> {t("feeds.remove")}
          </Button>
        </div>
      </form>
      {removing && (
        <Sure
          title={t("feeds.remove")}
          text={t("feeds.removeHint", { name: feed.name })}
          action={t("feeds.remove")}
          error={remove.error}
          onYes={() => remove.mutate(feed.id, { onSuccess: () => void navigate({ to: "/rule-feeds" }) })}
          onClose={() => setRemoving(false)}
        />
      )}
    </Card>
  );
}
