import { afterEach } from "vitest";

// Some tests read files and have no page.
if (typeof document !== "undefined") {
  const { cleanup } = await import("@testing-library/react");
  const { learn } = await import("@/lib/i18n");
  await learn("en");
  afterEach(cleanup);
  // jsdom knows dialogs, but not how to show them.
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
    this.open = false;
  };
}
