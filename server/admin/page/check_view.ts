/**
 * The check of all stored files on the operator's page.
 *
 * @module
 */
import { html } from "hono/html";
import { toHex } from "../../../protocol/bytes.ts";
import { printable } from "../../../protocol/printable.ts";
import type { AccountSummary } from "../../catalog/accounts.ts";
import type { CheckRound } from "../../catalog/check_rounds.ts";
import type { Damage, StoredFile } from "../../catalog/files.ts";
import type { CheckState, CheckStatus } from "../../check/background_check.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { formatCount, formatDuration, formatSize, formatTime, plural } from "./format.ts";
import { formToken, type Html, userLink } from "./layout.ts";
import { type Column, table } from "./table.ts";

const STATES: Readonly<Record<CheckState, string>> = {
  off: "off (--check-interval 0)",
  idle: "idle",
  reading: "reading",
  waiting: "waiting",
  elsewhere: "done by another server",
};
const LOOKS: Readonly<Record<CheckState, string>> = {
  ...{ off: "warn", idle: "good", reading: "good", waiting: "bad", elsewhere: "good" },
};
const DAMAGES: Readonly<Record<Damage, string>> = {
  missing: "missing",
  size: "another size",
  content: "changed content",
};

export interface CheckViewState {
  readonly check: CheckStatus;
  readonly accounts: readonly AccountSummary[];
  readonly session: AdminSession;
}

/** The content of a section. */
export function checkView({ check, accounts, session }: CheckViewState): Html {
  const { state, reason, current, last, nextAt, oldestMs, intervalMs, progress, rate } = check;
  const isRequested = current?.isRequested === true;
  return html`
    <p>The server reads every stored file again ${intervalMs === 0
      ? "only when you start a check"
      : `within ${formatDuration(intervalMs)}`}, and compares it with its digest.
      State: <span class="state ${LOOKS[state]}">${STATES[state]}</span>${reason ===
          undefined
        ? ""
        : html`: ${reason}`}</p>
    ${current === undefined || progress === undefined ? "" : html`
      <p><progress max="1" value="${progress}" aria-label="Progress of the check"></progress>
        ${roundWords(current)} since ${formatTime(current.startedAt)}, of ${plural(
          check.totals.files,
          "file",
        )} with ${formatSize(check.totals.bytes)}, at up to ${formatSize(rate ?? 0)}/s</p>
    `}
    <ul>
      ${last?.endedAt === undefined
        ? ""
        : html`<li>Last complete check: ${roundWords(last)}, ended ${
          formatTime(last.endedAt)
        }</li>`}
      ${nextAt === undefined ? "" : html`<li>Next check: ${formatTime(nextAt)}</li>`}
      ${oldestMs === undefined || last === undefined
        ? ""
        : html`<li>Every file was read within the last ${formatDuration(oldestMs)}</li>`}
    </ul>
    ${damageView(check, accounts)}
    <form method="post" action="/check">${formToken(session)}<button${isRequested
      ? html`
        disabled
      `
      : ""}>${isRequested ? "A check is running" : "Start a check now"}</button></form>
    <p class="quiet">A check that you start reads at --check-rate, and yields to transfers. It also looks for files without an entry in the catalog.</p>
  `;
}

function roundWords({ files, bytes, damaged, unreadable }: CheckRound): string {
  const counts = [
    `${plural(files, "file")} read (${formatSize(bytes)})`,
    `${formatCount(damaged)} damaged`,
    ...(unreadable === 0 ? [] : [`${formatCount(unreadable)} unreadable`]),
  ];
  return counts.join(", ");
}

function damageView(
  { damaged, damagedFiles }: CheckStatus,
  accounts: readonly AccountSummary[],
): Html {
  if (damaged === 0) return html`<p>No file is known to be damaged.</p>`;
  const names = new Map(accounts.map(({ id, name }) => [toHex(id), name]));
  return html`
    <section class="note bad" aria-labelledby="damaged">
      <h3 id="damaged">${plural(damaged, "damaged file")}</h3>
      <p>To repair one, its user uploads it again, or restores an old version with
        <code>xfer client restore</code>. A backup can have it:
        <code>xfer server export --backup</code>. <code>xfer server verify --repair</code> moves
        damaged files to <code>quarantine/</code>.</p>
      ${table(damageColumns(names), damagedFiles)}
      ${damaged > damagedFiles.length
        ? html`<p class="quiet">And ${formatCount(damaged - damagedFiles.length)} more.</p>`
        : ""}
    </section>
  `;
}

/** `names`: those of users, by the ids of their accounts. */
function damageColumns(names: ReadonlyMap<string, string>): readonly Column<StoredFile>[] {
  return [
    { name: "File", kind: "file", isHeading: true, cell: ({ name }) => printable(name) },
    {
      name: "User",
      kind: "text",
      cell: ({ accountId }) => userLink(names.get(toHex(accountId)) ?? ""),
    },
    {
      name: "Version",
      kind: "number",
      cell: ({ version = 1, current }) => `${version}${current === true ? "" : " (old)"}`,
    },
    {
      name: "Damage",
      cell: ({ damage }) =>
        damage === undefined ? "" : html`<span class="bad">${DAMAGES[damage]}</span>`,
    },
  ];
}
