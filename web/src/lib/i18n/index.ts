/** The console's words. Vietnamese is complete by definition; a test compares the languages and the uses. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { currentPrefs, subscribe } from "@/lib/prefs";
import findingsEn from "@/gen/findings.en.json";
import findingsVi from "@/gen/findings.vi.json";
import en from "./en.json";
import vi from "./vi.json";

void i18next.use(initReactI18next).init({
  lng: currentPrefs().language,
  fallbackLng: "vi",
  resources: { vi: { translation: { ...vi, findings: findingsVi } }, en: { translation: { ...en, findings: findingsEn } } },
  interpolation: { escapeValue: false },
  returnNull: false,
  initAsync: false,
});

function tellDocument(): void {
  document.documentElement.lang = i18next.language;
}

tellDocument();
subscribe(() => {
  const { language } = currentPrefs();
  if (language !== i18next.language) void i18next.changeLanguage(language).then(tellDocument);
});

export { i18next };
