import { useNavigate } from "@tanstack/react-router";
import { Save, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, Card, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
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
  const problem = useProblemText();
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
        {change.error && (
          <p className="field__error" role="alert">
            {problem(change.error)}
          </p>
        )}
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
        <Dialog
          title={t("feeds.remove")}
          onClose={() => setRemoving(false)}
          onSubmit={() => remove.mutate(feed.id, { onSuccess: () => void navigate({ to: "/rule-feeds" }), onError: (error) => toast({ text: problem(error), bad: true }) })}
          actions={
            <>
              <Button onClick={() => setRemoving(false)}>{t("common.cancel")}</Button>
              <Button look="danger" type="submit" disabled={remove.isPending}>
                {t("feeds.remove")}
              </Button>
            </>
          }
        >
          <p>{t("feeds.removeHint", { name: feed.name })}</p>
        </Dialog>
      )}
    </Card>
  );
}
