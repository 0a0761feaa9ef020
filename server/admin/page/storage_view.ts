/**
 * The page of the storage: the largest users and files, and the check of stored files.
 *
 * @module
 */
import { html } from "hono/html";
import { printable } from "../../../protocol/printable.ts";
import type { AccountSummary } from "../../catalog/accounts.ts";
import type { CheckStatus } from "../../check/background_check.ts";
import type { LargeFile } from "../../operator/usage.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { checkView } from "./check_view.ts";
import { formatCount, formatSize } from "./format.ts";
import { type Html, userLink } from "./layout.ts";
import { type Column, table } from "./table.ts";

export interface StorageState {
  readonly accounts: readonly AccountSummary[];
  /** `undefined`: they are not counted yet. */
  readonly largest: readonly LargeFile[] | undefined;
  readonly session: AdminSession;
  readonly check: CheckStatus;
}

/** The most users on the page, as many as files. */
const MAX_USERS = 20;

export function storageView({ accounts, largest, session, check }: StorageState): Html {
  const sorted = accounts.toSorted((a, b) => bytesOf(b) - bytesOf(a)).slice(0, MAX_USERS);
  const [first] = sorted;
  const most = first === undefined ? 1 : Math.max(1, bytesOf(first));
  return html`
    <div class="columns">
      <section aria-labelledby="by-user">
        <h2 id="by-user">By user</h2>
        ${table(userColumns(most), sorted)}
        ${accounts.length > sorted.length
          ? html`<p class="quiet">And ${formatCount(accounts.length - sorted.length)} more.</p>`
          : ""}
      </section>
      <section aria-labelledby="largest"><h2 id="largest">Largest files</h2>${largest === undefined
        ? html`
          <p class="quiet">Finding them reads the whole catalog.</p>
          <p><a href="/storage?largest=1">Find the largest files</a></p>
        `
        : table(FILE_COLUMNS, largest)}</section>
    </div>
    <section aria-labelledby="check">
      <h2 id="check">Check</h2>
      ${checkView({ check, accounts, session })}</section>
  `;
}

function bytesOf({ usage, history }: AccountSummary): number {
  return usage.bytes + history.bytes;
}

/** `most`: the bytes of the largest user. */
function userColumns(most: number): readonly Column<AccountSummary>[] {
  return [
    { name: "User", isHeading: true, cell: ({ name }) => userLink(name) },
    {
      name: "Share",
      cell: (account) =>
        html`<progress max="${most}" value="${
          bytesOf(account)
        }" aria-label="Share of ${account.name}"></progress>`,
    },
    { name: "Files", kind: "number", cell: ({ usage }) => formatSize(usage.bytes) },
    { name: "Old versions", kind: "number", cell: ({ history }) => formatSize(history.bytes) },
  ];
}

const FILE_COLUMNS: readonly Column<LargeFile>[] = [
  {
    name: "File",
    kind: "file",
    isHeading: true,
    cell: ({ name, current }) =>
      html`${printable(name)}${
        current ? "" : html`
          <span class="quiet">(old version)</span>
        `
      }`,
  },
  { name: "User", kind: "text", cell: ({ user }) => userLink(user) },
  { name: "Size", kind: "number", cell: ({ size }) => formatSize(size) },
];
