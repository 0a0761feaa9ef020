/**
 * The page of one user: state, quota, keys, removed files.
 *
 * @module
 */
import { html } from "hono/html";
import { printable } from "../../../protocol/printable.ts";
import type { Quota } from "../../catalog/accounts.ts";
import type { StoredFile } from "../../catalog/files.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { formatSize, formatTime, plural } from "./format.ts";
import { fieldsOf } from "./form_fields.ts";
import { formToken, type Html } from "./layout.ts";
import type { OwnedAccount } from "./operator_store.ts";
import { type Column, table } from "./table.ts";

export interface UserState extends OwnedAccount {
  /** The quota of accounts without their own. */
  readonly defaults: Quota;
  readonly session: AdminSession;
}

export function userView({ account, keys, removed, defaults, session }: UserState): Html {
  const { name, disabled, access, protocol, usage, history, firstSeen, lastSeen } = account;
  const at = `/users/${encodeURIComponent(name)}`;
  const own = fieldsOf(account.quota);
  const usual = fieldsOf(defaults);
  return html`
    <section aria-labelledby="account">
      <h2 id="account">Account</h2>
      <p>${disabled
        ? html`<span class="state bad">disabled</span>`
        : html`<span class="state good">enabled</span>`}${access === "full"
        ? ""
        : `, ${access}`}, protocol ${protocol},
      ${plural(usage.files, "file")} with ${formatSize(usage.bytes)}, ${plural(
        history.files,
        "old version",
      )} with ${formatSize(history.bytes)}.</p>
      <p class="quiet">Registered ${formatTime(firstSeen)}, last seen ${formatTime(lastSeen)}.</p>
      <form method="post" action="${at}/${disabled ? "enable" : "disable"}">${formToken(
        session,
      )}${disabled
        ? html`<button>Enable</button>`
        : html`<button class="danger">Disable, and disconnect</button>`}</form>
    </section>
    <section aria-labelledby="quota">
      <h2 id="quota">Quota</h2>
      <form class="row" method="post" action="${at}/quota">${formToken(session)}
        <div><label for="size">Size, such as 10GB</label><input id="size" name="size" value="${own
          .size}"></div>
        <div><label for="files">Files</label><input id="files" name="files" value="${own
          .files}"></div>
        <button>Set the quota</button></form>
      <p class="quiet">An empty field means the default: size ${usual.size}, files ${usual.files}.
        <code>none</code> means no limit.</p>
    </section>
    <section aria-labelledby="keys"><h2 id="keys">Keys</h2>${keys.length === 0
      ? html`<p class="quiet">None: the account uses protocol 3.</p>`
      : html`<ul>${
        keys.map(({ fingerprint, addedAt }) =>
          html`<li><code>${fingerprint}</code> <span class="quiet">since ${
            formatTime(addedAt)
          }</span>
        <form class="inline" method="post" action="${at}/keys/remove">${formToken(session)}
        <input type="hidden" name="fingerprint" value="${fingerprint}">
        <button class="danger" aria-label="Remove the key ${fingerprint}">Remove</button></form></li>`
        )
      }</ul>`}</section>
    <section aria-labelledby="removed"><h2 id="removed">Removed files</h2>${removed.length === 0
      ? html`<p class="quiet">None that can be restored.</p>`
      : table(removedColumns(at, session), removed)}</section>
  `;
}

/** `at`: the path of the user's page. */
function removedColumns(at: string, session: AdminSession): readonly Column<StoredFile>[] {
  return [
    { name: "File", kind: "file", isHeading: true, cell: ({ name }) => printable(name) },
    { name: "Size", kind: "number", cell: ({ size }) => formatSize(size) },
    {
      name: "Removed",
      kind: "word",
      cell: ({ endedAt }) => endedAt === undefined ? "" : formatTime(endedAt),
    },
    {
      name: "Action",
      cell: ({ name }) =>
        html`
          <form method="post" action="${at}/restore">${formToken(session)}
            <input type="hidden" name="file" value="${name}"><button aria-label="Restore ${printable(
              name,
            )}">Restore</button></form>
        `,
    },
  ];
}
