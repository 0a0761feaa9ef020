/**
 * The page of all users: accounts and invitations.
 *
 * @module
 */
import { html, raw } from "hono/html";
import type { AccountSummary } from "../../catalog/accounts.ts";
import type { Invitation } from "../../operator/invitations.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { formatCount, formatSize, formatTime, plural } from "./format.ts";
import { formToken, type Html, userLink } from "./layout.ts";
import { type Column, table } from "./table.ts";

/** The most users on the page. Anyone can register if the operator lets them. */
export const MAX_LISTED = 500;

/** A new invitation. Its token is not stored, so it is shown only once. */
export interface NewInvitation {
  readonly token: string;
  readonly expiresAt: number;
  /** The line for `transfer.info`, and the code with both, as SVG. */
  readonly location: string | undefined;
  readonly code: string;
}

export interface UsersState {
  readonly accounts: readonly AccountSummary[];
  /** Only users whose name contains it are shown. */
  readonly text: string;
  readonly invitations: readonly Invitation[];
  readonly session: AdminSession;
  readonly made: NewInvitation | undefined;
}

export function usersView({ accounts, text, invitations, session, made }: UsersState): Html {
  return html`
    ${made === undefined ? "" : invitationView(made)}
      <section aria-labelledby="invite"><h2 id="invite">Invite</h2>
      <form class="row" method="post" action="/invitations">${formToken(session)}
        <div><label for="label">Note, such as a name</label><input id="label" name="label" maxlength="100"></div>
        <div><label for="uses">Users</label><input id="uses" name="uses" type="number" min="1" max="10000" value="1" required></div>
        <div><label for="days">Days</label><input id="days" name="days" type="number" min="1" max="366" value="7" required></div>
        <button>Create an invitation</button></form>
      ${invitations.length === 0 ? "" : html`
        <h3>Open invitations</h3>
        ${table(invitationColumns(session), invitations)}
      `}</section>
      ${accountsView(accounts, text)}
  `;
}

function invitationView({ token, expiresAt, location, code }: NewInvitation): Html {
  return html`<section class="note" aria-labelledby="invited"><h2 id="invited">Invitation</h2>
  <p>The token is shown only once. The user runs:</p><pre>xfer client init --invitation ${token}</pre>
  ${
    location === undefined ? "" : html`
      <p>with this line for transfer.info:</p>
      <pre>${location}</pre>
    `
  }
  <div class="qr" role="img" aria-label="QR code of the line and the invitation">${raw(code)}</div>
  <p class="quiet">Valid until ${formatTime(expiresAt)}.</p></section>`;
}

function invitationColumns(session: AdminSession): readonly Column<Invitation>[] {
  const noteOf = ({ id, label = "" }: Invitation) => label === "" ? id : label;
  return [
    {
      ...{ name: "Note", isHeading: true },
      cell: ({ id, label = "" }) => html`${label} <span class="quiet">${id}</span>`,
    },
    { name: "Used", kind: "number", cell: ({ used }) => used },
    { name: "Left", kind: "number", cell: ({ usesLeft }) => usesLeft },
    { name: "Until", kind: "word", cell: ({ expiresAt }) => formatTime(expiresAt) },
    {
      name: "Action",
      cell: (invitation) =>
        html`
          <form method="post" action="/invitations/${invitation.id}/revoke">${formToken(session)}
            <button class="danger" aria-label="Revoke the invitation ${noteOf(
              invitation,
            )}">Revoke</button></form>
        `,
    },
  ];
}

function accountsView(accounts: readonly AccountSummary[], text: string): Html {
  const wanted = text.toLowerCase();
  const found = accounts.filter(({ name }) => name.toLowerCase().includes(wanted));
  const more = found.length - MAX_LISTED;
  return html`
    <section aria-labelledby="accounts">
      <h2 id="accounts">${plural(accounts.length, "account")}</h2>
      <form class="row" method="get" action="/users">
        <div><label for="text">Part of a user name</label><input id="text" name="text" value="${text}"></div>
        <button>Show</button></form>
      ${table(ACCOUNT_COLUMNS, found.slice(0, MAX_LISTED))}
      ${more <= 0
        ? ""
        : html`<p class="quiet">And ${formatCount(more)} more: enter a part of their name.</p>`}
    </section>
  `;
}

const ACCOUNT_COLUMNS: readonly Column<AccountSummary>[] = [
  { name: "User", isHeading: true, cell: ({ name }) => userLink(name) },
  {
    name: "State",
    kind: "word",
    cell: ({ disabled, access, protocol }) =>
      disabled
        ? html`<span class="bad">disabled</span>`
        : html`<span class="quiet">${access === "full" ? `protocol ${protocol}` : access}</span>`,
  },
  { name: "Files", kind: "number", cell: ({ usage }) => formatCount(usage.files) },
  { name: "Bytes", kind: "number", cell: ({ usage }) => formatSize(usage.bytes) },
  {
    name: "Quota",
    kind: "number",
    cell: ({ quota: { bytes } }) => bytes === undefined ? "default" : formatSize(bytes),
  },
  { name: "Last seen", kind: "word", cell: ({ lastSeen }) => formatTime(lastSeen) },
];
