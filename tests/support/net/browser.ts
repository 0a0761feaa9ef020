/** A real browser, Chromium, which comes from npm. */
import chromium from "@sparticuz/chromium";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import axe from "axe-core";
import { fileURLToPath } from "node:url";

export type { Page };

/** The look of a page. */
export interface Look {
  readonly scheme: "light" | "dark";
  readonly width: number;
}

export const LOOKS: Readonly<Record<string, Look>> = {
  light: { scheme: "light", width: 1200 },
  dark: { scheme: "dark", width: 1200 },
  phone: { scheme: "light", width: 390 },
};

/** Chromium unpacks itself into the folder for temporary files. In this one, later runs find it. */
const UNPACKED = fileURLToPath(new URL("../../../build/tests/chromium", import.meta.url));

async function unpackedBrowser(): Promise<string> {
  const temporary = Deno.env.get("TMPDIR");
  await Deno.mkdir(UNPACKED, { recursive: true });
  Deno.env.set("TMPDIR", UNPACKED);
  try {
    return await chromium.executablePath();
  } finally {
    if (temporary === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", temporary);
  }
}

export async function launchBrowser(): Promise<Browser & AsyncDisposable> {
  const browser = await puppeteer.launch({
    args: [...chromium.args, "--no-sandbox", "--disable-dev-shm-usage"],
    executablePath: await unpackedBrowser(),
    headless: "shell",
  });
  return Object.assign(browser, { [Symbol.asyncDispose]: () => browser.close() });
}

/** A page that counts what should never happen: scripts of peers, and what the policy forbids. */
export async function openPage(browser: Browser, look: Look = LOOKS["light"] as Look) {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("dialog", (dialog) => {
    problems.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await lookAt(page, look);
  return { page, problems };
}

export async function lookAt(page: Page, { scheme, width }: Look): Promise<void> {
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
}

/** The faults that axe finds: `RULE: ELEMENTS`. `rules`: only these. */
export async function faultsOf(page: Page, rules?: readonly string[]): Promise<string[]> {
  // The policy of the page allows no script from elsewhere, so that this one is evaluated by the debugger.
  await page.evaluate(axe.source);
  const options = JSON.stringify(rules === undefined ? {} : { runOnly: rules });
  const found = await page.evaluate(`axe.run(${options})`) as {
    readonly violations: readonly {
      readonly id: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  };
  return found.violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map(({ html }) => html).join(" ")}`
  );
}

/** Whether something on a page is wider than it. */
export async function isTooWide(page: Page): Promise<boolean> {
  return await page.evaluate(
    "document.documentElement.scrollWidth > document.documentElement.clientWidth",
  ) as boolean;
}
