/** The console's words. Vietnamese is complete by definition, and there from the start; English comes when it is chosen. A test compares the languages and the uses. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { currentPrefs, subscribe } from "@/lib/prefs";
import findings from "@/gen/findings.vi.json";
import vi from "./vi.json";

void i18next.use(initReactI18next).init({
  lng: "vi",
  fallbackLng: "vi",
  resources: { vi: { translation: { ...vi, findings } } },
  partialBundledLanguages: true,
  interpolation: { escapeValue: false },
  returnNull: false,
  initAsync: false,
});

function tellDocument(): void {
  document.documentElement.lang = i18next.language;
}

/** Words of a language, half of a first load for those who never read them. */
export async function learn(language: string): Promise<void> {
  if (language !== "en" || i18next.hasResourceBundle("en", "translation")) return;
  const [{ default: words }, { default: found }] = await Promise.all([import("./en.json"), import("@/gen/findings.en.json")]);
  i18next.addResourceBundle("en", "translation", { ...words, findings: found });
}

async function speak(): Promise<void> {
  const { language } = currentPrefs();
  // Without them, what there is must do.
  await learn(language).catch(() => undefined);
  // Another may have been chosen meanwhile.
  if (language === currentPrefs().language && language !== i18next.language) await i18next.changeLanguage(language);
  tellDocument();
}

tellDocument();
/** The words of the language that is chosen are there. */
export const spoken = speak();
subscribe(() => void speak());

export { i18next };
