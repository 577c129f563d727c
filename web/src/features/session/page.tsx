import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { Eye, EyeOff, IdCard, LogIn } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ApiError, body, rememberCsrf } from "@/lib/api";
import { setPref, usePrefs } from "@/lib/prefs";
import { sessionQuery } from "@/lib/session";
import { Button, buttonClass, IconButton, Segmented, useProblemText } from "@/ui/basics";
import "./session.css";

const route = getRouteApi("/sign-in");

const providerQuery = queryOptions({
  queryKey: ["session", "provider"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/session/provider", { signal })),
  retry: false,
});

export function SignInPage() {
  const { t } = useTranslation();
  const { next, fault } = route.useSearch();
  const provider = useQuery(providerQuery);
  const { language, theme } = usePrefs();
  const router = useRouter();
  const queries = useQueryClient();
  const problem = useProblemText();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [shown, setShown] = useState(false);
  const signIn = useMutation({
    mutationFn: () => body(api.POST("/api/v1/session", { body: { username, password, code: code || undefined } })),
    onSuccess: async (session) => {
      rememberCsrf(session.csrf);
      queries.setQueryData(sessionQuery.queryKey, session.user);
      await router.navigate({ href: next ?? "/", replace: true });
    },
  });
  // Once asked for, the second factor stays on the page.
  const asksForCode = code !== "" || (signIn.error instanceof ApiError && signIn.error.code === "second_factor");
  const wrong = signIn.isError && !(signIn.error instanceof ApiError && signIn.error.code === "second_factor");
  return (
    <main className="signin">
      <form
        className="signin__card card"
        onSubmit={(event) => {
          event.preventDefault();
          if (username && password) signIn.mutate();
        }}
      >
        <div className="signin__brand">
          <img src="/icon.svg" alt="" width={40} height={40} />
          <div>
            <h1>Mắt Lưới</h1>
            <p className="muted">{t("session.tagline")}</p>
          </div>
        </div>
        <div className="field">
          <label htmlFor="username">{t("session.username")}</label>
          {/* eslint-disable-next-line jsx-a11y/no-autofocus -- the only thing to do on this page */}
          <input id="username" className="input" autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus required value={username} onChange={(event) => setUsername(event.target.value)} />
        </div>
        <div className="field">
          <label htmlFor="password">{t("session.password")}</label>
          <div className="signin__password">
            <input id="password" className="input" type={shown ? "text" : "password"} autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
            <IconButton look="quiet" label={t(shown ? "session.hidePassword" : "session.showPassword")} onClick={() => setShown(!shown)}>
              {shown ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
            </IconButton>
          </div>
        </div>
        {asksForCode && (
          <div className="field">
            <label htmlFor="code">{t("session.code")}</label>
            {/* eslint-disable-next-line jsx-a11y/no-autofocus -- what the page has just asked for */}
            <input id="code" className="input mono" inputMode="numeric" autoComplete="one-time-code" autoFocus maxLength={32} value={code} onChange={(event) => setCode(event.target.value)} />
            <p className="muted">{t("session.codeHint")}</p>
          </div>
        )}
        {wrong && (
          <p className="note note--bad" role="alert">
            {problem(signIn.error)}
          </p>
        )}
        <Button type="submit" look="primary" disabled={signIn.isPending}>
          <LogIn aria-hidden />
          {signIn.isPending ? t("session.signingIn") : t("session.signIn")}
        </Button>
        {fault && !wrong && (
          <p className="note note--bad" role="alert">
            {t(`provider.fault.${fault}`)}
          </p>
        )}
        {provider.data?.label && (
          <>
            <p className="signin__or muted">{t("provider.or")}</p>
            <a className={buttonClass()} href={`/api/v1/session/provider/begin${next ? `?next=${encodeURIComponent(next)}` : ""}`}>
              <IdCard aria-hidden /> {t("provider.signIn", { label: provider.data.label })}
            </a>
          </>
        )}
      </form>
      <div className="signin__prefs">
        <Segmented
          legend={t("prefs.language")}
          value={language}
          options={[
            { value: "vi", label: <span lang="vi">{t("language.vi")}</span> },
            { value: "en", label: <span lang="en">{t("language.en")}</span> },
          ]}
          onChange={(value) => setPref("language", value)}
        />
        <Segmented
          legend={t("prefs.theme")}
          value={theme}
          options={(["system", "light", "dark"] as const).map((value) => ({ value, label: t(`theme.${value}`) }))}
          onChange={(value) => setPref("theme", value)}
        />
      </div>
    </main>
  );
}
