/**
 * The pages besides the overview: users, events, storage, settings.
 *
 * @module
 */
import { html, raw } from "hono/html";
import { printable } from "../../../protocol/printable.ts";
import type { AccountSummary } from "../../catalog/accounts.ts";
import type { CheckStatus } from "../../check/background_check.ts";
import type { Invitation } from "../../operator/invitations.ts";
import type { LargeFile } from "../../operator/usage.ts";
import type { ShownSetting } from "../admin_system.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { formatCount, formatDuration, formatSize, formatTime, plural } from "./format.ts";
import { formToken, frame, type Html } from "./layout.ts";
import { checkView } from "./check_view.ts";
import { eventTable } from "./live_view.ts";
import type { OwnedAccount } from "./operator_store.ts";
import { KIND_NAMES, type RecentEvent, type RecentEventKind } from "./recent_events.ts";

/** An invitation that was just made. Its token is not stored, and shown only now. */
export interface NewInvitation {
  readonly token: string;
  readonly expiresAt: number;
  /** The line for `transfer.info`, and the code with both, as SVG. */
  readonly location: string | undefined;
  readonly code: string;
}

export function signInView(token: string): Html {
  return frame(
    "Sign in – xfer",
    html`<main class="card" id="main"><h1>xfer</h1>${
      token === ""
        ? html`
          <p>To sign in, run this on the server’s machine, and open the link that it prints:</p>
          <pre>xfer server admin-link</pre>
        `
        : html`
          <p>The link is good once. The session ends after an hour without use.</p>
          <form method="post" action="/login"><input type="hidden" name="token" value="${token}">
                    <button autofocus>Sign in</button></form>
        `
    }</main>`,
  );
}

export function refusedView(reason: string): Html {
  return frame(
    "Refused – xfer",
    html`
      <main class="card note bad" id="main">
        <h1>Refused</h1>
        <p>${reason}</p>
        <p><a href="/">Back to the overview</a></p>
      </main>
    `,
  );
}

export function usersView(
  accounts: readonly AccountSummary[],
  invitations: readonly Invitation[],
  session: AdminSession,
  made: NewInvitation | undefined,
): Html {
  return html`
    ${made === undefined ? "" : invitationView(made)}
      <section aria-labelledby="invite"><h2 id="invite">Invite</h2>
      <form class="row" method="post" action="/invitations">${formToken(session)}
        <div><label for="label">Note, such as a name</label><input id="label" name="label" maxlength="100"></div>
        <div><label for="uses">Users</label><input id="uses" name="uses" type="number" min="1" max="10000" value="1" required></div>
        <div><label for="days">Days</label><input id="days" name="days" type="number" min="1" max="366" value="7" required></div>
        <button>Create an invitation</button></form>
      ${invitations.length === 0 ? "" : html`
        <h2>Open invitations</h2>
        <div class="scroll">
          <table class="stack">
            <thead>
              <tr>
                <th scope="col">Note</th>
                <th scope="col" class="number">Used</th>
                <th scope="col" class="number">Left</th>
                <th scope="col">Until</th>
                <th scope="col">Action</th>
              </tr>
            </thead>
            <tbody>${invitations.map(({ id, label = "", used, usesLeft, expiresAt }) =>
              html`
                <tr>
                  <th scope="row" data-label="Note"><span>${label === "" ? id : label}</span></th>
                  <td data-label="Used" class="number"><span>${used}</span></td>
                  <td data-label="Left" class="number"><span>${usesLeft}</span></td>
                  <td data-label="Until"><span>${formatTime(expiresAt)}</span></td>
                  <td data-label="Action">
                    <form method="post" action="/invitations/${id}/revoke">${formToken(session)}
                        <button class="danger" aria-label="Revoke the invitation ${label === ""
                          ? id
                          : label}">Revoke</button></form>
                  </td>
                </tr>
              `
            )}</tbody>
          </table>
        </div>
      `}</section>
      <section
      aria-labelledby="accounts"><h2 id="accounts">${plural(
        accounts.length,
        "account",
      )}</h2>${accountTable(accounts)}</section>
  `;
}

function invitationView({ token, expiresAt, location, code }: NewInvitation): Html {
  return html`<section class="note" aria-labelledby="invited"><h2 id="invited">Invitation</h2>
  <p>It is shown only now. The user runs:</p><pre>xfer client init --invitation ${token}</pre>
  ${
    location === undefined ? "" : html`
      <p>with this line for transfer.info:</p>
      <pre>${location}</pre>
    `
  }
  <div class="qr" role="img" aria-label="QR code of the line and the invitation">${raw(code)}</div>
  <p class="quiet">Good until ${formatTime(expiresAt)}.</p></section>`;
}

function accountTable(accounts: readonly AccountSummary[]): Html {
  return html`
    <div class="scroll">
      <table class="stack">
        <thead>
          <tr>
            <th scope="col">User</th>
            <th scope="col">State</th>
            <th scope="col" class="number">Files</th>
            <th scope="col" class="number">Bytes</th>
            <th scope="col" class="number">Quota</th>
            <th scope="col">Last seen</th>
          </tr>
        </thead>
        <tbody>${accounts.map(({ name, disabled, usage, quota, lastSeen, protocol }) =>
          html`
            <tr>
              <th scope="row" data-label="User"><a href="/users/${encodeURIComponent(
                name,
              )}">${name}</a></th>
              <td data-label="State"><span class="${disabled ? "bad" : "quiet"}">${disabled
                ? "disabled"
                : `protocol ${protocol}`}</span></td>
              <td data-label="Files" class="number"><span>${formatCount(usage.files)}</span></td>
              <td data-label="Bytes" class="number"><span>${formatSize(usage.bytes)}</span></td>
              <td data-label="Quota" class="number"><span>${quota.bytes === undefined
                ? "default"
                : formatSize(quota.bytes)}</span></td>
              <td data-label="Last seen"><span>${formatTime(lastSeen)}</span></td>
            </tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}

export interface UserState extends OwnedAccount {
  readonly session: AdminSession;
}

const GIB = 1024 ** 3;

export function userView({ account, keys, removed, session }: UserState): Html {
  const { name, disabled, usage, history, quota } = account;
  const at = `/users/${encodeURIComponent(name)}`;
  return html`
    <section aria-labelledby="account">
      <h2 id="account">Account</h2>
      <p>${disabled
        ? html`<span class="state bad">disabled</span>`
        : html`<span class="state good">enabled</span>`},
      ${plural(usage.files, "file")} with ${formatSize(usage.bytes)}, ${plural(
        history.files,
        "old version",
      )} with ${formatSize(history.bytes)}.</p>
      <form method="post" action="${at}/${disabled ? "enable" : "disable"}">${formToken(
        session,
      )}${disabled
        ? html`<button>Enable</button>`
        : html`<button class="danger">Disable, and disconnect</button>`}</form>
    </section>
    <section aria-labelledby="quota">
      <h2 id="quota">Quota</h2>
      <form class="row" method="post" action="${at}/quota">${formToken(session)}
        <div><label for="gib">GiB (empty: default)</label><input id="gib" name="gib" inputmode="decimal" value="${quota
                .bytes === undefined || quota.bytes === Infinity
          ? ""
          : +(quota.bytes / GIB).toFixed(3)}"></div>
        <div><label for="files">Files (empty: default)</label><input id="files" name="files" inputmode="numeric" value="${quota
                .files === undefined || quota.files === Infinity
          ? ""
          : quota.files}"></div><button>Set the quota</button></form>
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
      : html`
        <div class="scroll">
          <table class="stack">
            <thead>
              <tr>
                <th scope="col">File</th>
                <th scope="col" class="number">Size</th>
                <th scope="col">Removed</th>
                <th scope="col">Action</th>
              </tr>
            </thead>
            <tbody>${removed.map(({ name: file, size, endedAt }) =>
              html`
                <tr>
                  <th scope="row" data-label="File" class="file"><span>${file}</span></th>
                  <td data-label="Size" class="number"><span>${formatSize(size)}</span></td>
                  <td data-label="Removed"><span>${endedAt === undefined
                    ? ""
                    : formatTime(endedAt)}</span></td>
                  <td data-label="Action">
                    <form method="post" action="${at}/restore">${formToken(session)}
                        <input type="hidden" name="file" value="${file}"><button aria-label="Restore ${file}">Restore</button></form>
                  </td>
                </tr>
              `
            )}</tbody>
          </table>
        </div>
      `}</section>
  `;
}

export function eventsView(
  events: readonly RecentEvent[],
  { kind, text }: { readonly kind: RecentEventKind | undefined; readonly text: string },
): Html {
  return html`
    <section aria-labelledby="filter">
      <h2 id="filter">Filter</h2>
      <form class="row" method="get" action="/events">
        <div><label for="kind">Kind</label><select id="kind" name="kind"><option value="">all</option>${KIND_NAMES
          .map((name) =>
            html`
              <option value="${name}" ${name === kind
                ? html`
                  selected
                `
                : ""}>${name}</option>
            `
          )}</select></div>
        <div><label for="text">Text, such as a user, a file or an address</label><input id="text" name="text" value="${text}"></div>
        <button>Show</button></form>
    </section>
    <section aria-labelledby="found"><h2 id="found">Newest first</h2>${eventTable(events)}
      <p class="quiet">The page keeps the last 2,000 events since the start. The log has all of them.</p></section>
  `;
}

export interface StorageState {
  readonly accounts: readonly AccountSummary[];
  /** `undefined`: they are not counted yet. */
  readonly largest: readonly LargeFile[] | undefined;
  readonly session: AdminSession;
  readonly check: CheckStatus;
}

/** The most users on the page. */
const MAX_USERS = 50;

export function storageView({ accounts, largest, session, check }: StorageState): Html {
  const total = ({ usage, history }: AccountSummary) => usage.bytes + history.bytes;
  const sorted = accounts.toSorted((a, b) => total(b) - total(a)).slice(0, MAX_USERS);
  const most = Math.max(1, ...sorted.map(total));
  return html`
    <div class="columns">
      <section aria-labelledby="by-user">
        <h2 id="by-user">By user</h2>
        <div class="scroll">
          <table class="stack">
            <thead>
              <tr>
                <th scope="col">User</th>
                <th scope="col">Share</th>
                <th scope="col" class="number">Files</th>
                <th scope="col" class="number">Old versions</th>
              </tr>
            </thead>
            <tbody>${sorted.map((account) =>
              html`
                <tr>
                  <th scope="row" data-label="User"><a href="/users/${encodeURIComponent(
                    account.name,
                  )}">${account.name}</a></th>
                  <td
                    data-label="Share"><progress max="${most}" value="${total(
                      account,
                    )}" aria-label="Share of ${account.name}"></progress></td>
                  <td data-label="Files" class="number"><span>${formatSize(
                    account.usage.bytes,
                  )}</span></td>
                  <td data-label="Old versions" class="number"><span>${formatSize(
                    account.history.bytes,
                  )}</span></td>
                </tr>
              `
            )}</tbody>
          </table>
        </div>
      </section>
      <section aria-labelledby="largest"><h2 id="largest">Largest files</h2>${largest === undefined
        ? html`
          <p class="quiet">Finding them reads the whole catalog.</p>
          <p><a href="/storage?largest=1">Find the largest files</a></p>
        `
        : html`
          <div class="scroll">
            <table class="stack">
              <thead>
                <tr>
                  <th scope="col">File</th>
                  <th scope="col">User</th>
                  <th scope="col" class="number">Size</th>
                </tr>
              </thead>
              <tbody>${largest.map(({ user, name, size, current }) =>
                html`
                  <tr>
                    <th scope="row" data-label="File" class="file"><span>${printable(name)}${current
                      ? ""
                      : html`
                        <span class="quiet">(old version)</span>
                      `}</span></th>
                    <td data-label="User"><a href="/users/${encodeURIComponent(
                      user,
                    )}">${user}</a></td>
                    <td data-label="Size" class="number"><span>${formatSize(size)}</span></td>
                  </tr>
                `
              )}</tbody>
            </table>
          </div>
        `}</section>
    </div>
    <section aria-labelledby="check">
      <h2 id="check">Check</h2>
      ${checkView({ check, accounts, session })}</section>
  `;
}

export function settingsView(
  settings: readonly ShownSetting[],
  session: AdminSession,
  now: number,
): Html {
  return html`
    <section aria-labelledby="effective">
      <h2 id="effective">Effective settings</h2>
      <div class="scroll">
        <table class="stack">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
              <th scope="col">From</th>
            </tr>
          </thead>
          <tbody>${settings.map(({ name, value, origin }) =>
            html`
              <tr>
                <th scope="row" data-label="Setting"><code>${name}</code></th>
                <td data-label="Value" class="text"><span>${value}</span></td>
                <td data-label="From"><span class="${origin === "default"
                  ? "quiet"
                  : ""}">${origin}</span></td>
              </tr>
            `
          )}</tbody>
        </table>
      </div>
    </section>
    <p class="quiet">Your session, ${session.name}, ends in ${formatDuration(
      session.expiresAt - now,
    )} at the latest.</p>
  `;
}
