import { readdirSync } from "node:fs";
import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** Imports run one way: app → features → ui → lib → gen; features do not know one another. */
const features = readdirSync(new URL("src/features", import.meta.url), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
const forbid = (files, groups, message) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns: [{ group: groups, message }] }] },
});

export default tseslint.config(
  { ignores: ["dist", "src/gen", "e2e/output"] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  a11y.flatConfigs.strict,
  hooks.configs.flat["recommended-latest"],
  {
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "no-console": "error",
      "jsx-a11y/label-has-associated-control": ["error", { assert: "either", depth: 4 }],
      eqeqeq: "error",
    },
  },
  {
    files: ["**/*.mjs", "eslint.config.js", "public/*.js"],
    languageOptions: {
      globals: { process: "readonly", console: "readonly", URL: "readonly", fetch: "readonly", setTimeout: "readonly", document: "readonly", localStorage: "readonly", matchMedia: "readonly" },
    },
    rules: { "no-console": "off", "@typescript-eslint/no-unused-vars": ["error", { caughtErrors: "none" }] },
  },
  forbid(["src/gen/**"], ["@/*"], "gen is generated; it imports nothing"),
  forbid(["src/lib/**"], ["@/ui/*", "@/features/*", "@/app/*"], "lib may import gen alone"),
  forbid(["src/ui/**"], ["@/features/*", "@/app/*"], "ui may import lib and gen"),
  ...features.map((feature) =>
    forbid(
      [`src/features/${feature}/**`],
      ["@/app/*", ...features.filter((other) => other !== feature).map((other) => `@/features/${other}/*`)],
      "features do not know app or one another",
    ),
  ),
);
