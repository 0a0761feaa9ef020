/**
 * Events of the commands below `xfer server`.
 *
 * @module
 */
import { plural } from "../text/format.ts";
import type { Presentation } from "../text/presentation.ts";
import { changed } from "./changed.ts";
import { DATA_FOLDER_EVENTS, name, path } from "./data_folder.ts";
import {
  count,
  defineEvent,
  flag,
  limit,
  lines,
  oneOf,
  optional,
  record,
  text,
  time,
  type Values,
} from "./definition.ts";
import { RUNNING_SERVER_EVENTS } from "./running_server.ts";

const user = text("user name");
const id = text("id of the account, 32 hexadecimal digits");
const size = count("size in bytes");
const cksum = count("POSIX checksum");
const files = count("number of its files");
const oldVersions = count("number of its old versions");
const firstSeen = time("time at which the account was created");
const lastSeen = time("time at which the client was last connected");

/** The sources of a setting. */
export const SOURCES = ["option", "environment", "file", "default"] as const;
/** Width of all settings but the longest. */
const SETTING_WIDTH = 44;

const quotaFields = {
  bytes: limit("maximum number of bytes; `null`: the server's default"),
  files: limit("maximum number of files; `null`: the server's default"),
};
const access = oneOf(
  ["full", "append-only", "read-only", "drop-box"],
  "what the account may do with files",
);
const quota = record(quotaFields, "quota of the account");

const storedFile = {
  ...{ name, size, cksum },
  stored: time("time at which the server confirmed it"),
  verified: flag("whether client and server agreed on the checksum"),
  path,
  version: count("number of the version, from 1 for each name"),
  current: flag("whether it is the newest version"),
};

/** The edition of clients that use protocol 4. */
const PROTOCOL_4 = "4";

export const OPERATOR_EVENTS = {
  "client": defineEvent({
    kind: "result",
    what: "An account. Its files follow, as `client-file`.",
    fields: {
      ...{ name: user, id, edition: text("edition of protocol 3, or 4 for protocol 4") },
      ...{ firstSeen, lastSeen, hasKey: flag("whether the account has a key") },
      ...{ files, oldVersions },
    },
    words: ({ name, id, edition, lastSeen, hasKey, ...stored }, { time }) =>
      [
        `${name}: ${filesOf(stored)}, last seen ${time(lastSeen)}`,
        ...hasKey ? [] : ["no key yet"],
        edition === PROTOCOL_4 ? "protocol 4" : `protocol 3 (edition ${edition})`,
        `id ${id}`,
      ].join(", "),
  }),
  "client-file": defineEvent({
    kind: "result",
    what: "A stored file, folder or link of an account.",
    fields: {
      ...{ user, ...storedFile },
      kind: oneOf(["file", "folder", "link"], "the kind of entry"),
      damage: optional(oneOf(["missing", "size", "content"], "recorded damage, if any")),
    },
    words: (
      { name, size, stored, verified, version, current, damage, kind },
      { paint, sizeColumn, time },
    ) =>
      `${sizeColumn(size)}  ${time(stored)}  ${name}${kind === "folder" ? "/" : ""}` +
      (kind === "link" ? "  (link)" : "") +
      (current ? "" : `  (old version ${version})`) + (verified ? "" : "  (not verified)") +
      (damage === undefined ? "" : `  ${paint("warning", "(damaged)")}`),
  }),
  "account-usage": defineEvent({
    kind: "result",
    what: "The usage of an account. Current files and partial uploads count towards its quota.",
    fields: {
      ...{ user, files: count("number of its files, folders and links") },
      bytes: count("bytes of its files"),
      historyFiles: oldVersions,
      historyBytes: count("bytes of its old versions"),
      partialBytes: count("bytes that its partial uploads take from the quota"),
      quota: record(quotaFields, "its quota: its own, or the server's"),
    },
    words: ({ user, files, bytes, historyFiles, historyBytes, partialBytes, quota }, show) =>
      [
        `${show.sizeColumn(bytes + historyBytes + partialBytes)}  ${user}: ` +
        (files === 0 ? "no entries" : `${plural(files, "entry")} (${show.size(bytes)})`),
        ...historyFiles === 0
          ? []
          : [`${plural(historyFiles, "old version")} (${show.size(historyBytes)})`],
        ...partialBytes === 0 ? [] : [`partial uploads (${show.size(partialBytes)})`],
        ...quota.bytes === "none" && quota.files === "none" ? [] : [quotaWords(quota, show)],
      ].join(", "),
  }),
  "large-file": defineEvent({
    kind: "result",
    what: "One of the largest files or old versions.",
    fields: { user, name, size, version: storedFile.version, current: storedFile.current },
    words: ({ user, name, size, version, current }, { sizeColumn }) =>
      `${sizeColumn(size)}  ${user}: ${name}${current ? "" : `  (old version ${version})`}`,
  }),
  "exported": defineEvent({
    kind: "result",
    what: "A stored file was exported.",
    fields: { target: text("path of the exported file"), name, user, size, cksum },
    words: ({ target, name, user, size: bytes, cksum }, { paint, size }) =>
      `${paint("success", "Exported")} ${name} of ${user} to ${target} ` +
      `(${size(bytes)}, cksum ${cksum})`,
  }),
  "imported": defineEvent({
    kind: "result",
    isDetail: "many",
    what: "A local file, folder or link was imported into an account.",
    fields: {
      ...{ name, path: text("path on this machine"), user },
      kind: oneOf(["file", "folder", "link"], "the kind of entry"),
      ...{ size, cksum },
    },
    words: ({ name, path, user, kind, size: bytes }, { paint, size }) =>
      `${paint("success", "Imported")} ${path} for ${user}` +
      (path === name ? "" : ` as ${name}`) + ` (${kind === "file" ? size(bytes) : kind})`,
  }),
  ...DATA_FOLDER_EVENTS,
  "user": defineEvent({
    kind: "result",
    what: "An account.",
    fields: {
      ...{ name: user, id, protocol: oneOf([3, 4], "protocol of the account") },
      keys: count("number of its keys"),
      ...{ files, oldVersions, bytes: count("bytes of its files and old versions") },
      ...{ quota, disabled: flag("whether the account is disabled"), firstSeen, lastSeen, access },
    },
    words: (account, show) =>
      [
        `${account.name}: ${filesOf(account)} (${show.size(account.bytes)}), ` +
        `last seen ${show.time(account.lastSeen)}${account.disabled ? ", disabled" : ""}${
          account.access === "full" ? "" : `, ${account.access}`
        }`,
        `  id ${account.id}, protocol ${account.protocol}, ${plural(account.keys, "key")}`,
        `  ${quotaWords(account.quota, show)}, first seen ${show.time(account.firstSeen)}`,
      ].join("\n"),
  }),
  ...RUNNING_SERVER_EVENTS,
  "settings-written": defineEvent({
    kind: "result",
    what: "A settings file was written.",
    fields: {
      path: text("path on this machine"),
      start: text("the command that starts a server with it"),
      status: text("the command that shows line 1 of transfer.info for clients of that server"),
    },
    words: ({ path }) => `Wrote ${path}`,
    note: ({ start, status }) =>
      `Edit it as you like. To start the server, run '${start}'. To see line 1 of transfer.info ` +
      `for your users, run '${status}'.`,
  }),
  "user-disabled": defineEvent({
    kind: "result",
    what: "An account was disabled.",
    fields: { user },
    words: ({ user }) => `Disabled ${user}`,
  }),
  "user-enabled": defineEvent({
    kind: "result",
    what: "An account was enabled again.",
    fields: { user },
    words: ({ user }) => `Enabled ${user}`,
  }),
  "user-renamed": defineEvent({
    kind: "result",
    what: "An account was renamed.",
    fields: {
      ...{ from: text("old user name"), to: text("new user name") },
      learns: flag("whether the server can notify the client, over protocol 4"),
    },
    words: ({ from, to }) => `Renamed ${from} to ${to}`,
    note: ({ from, to, learns }) =>
      learns
        ? `Ask the user to change line 2 of transfer.info to ${to}.`
        : `Ask the user to change line 2 of transfer.info and line 1 of me.info to ${to}. Until ` +
          `then the client, which uses protocol 3, registers again as ${from}.`,
  }),
  "quota-set": defineEvent({
    kind: "result",
    what: "The quota of an account was set.",
    fields: { user, quota },
    words: ({ user, quota }, show) => `${user}: ${quotaWords(quota, show)}`,
  }),
  "access-set": defineEvent({
    kind: "result",
    what: "The access of an account was set.",
    fields: { user, access },
    words: ({ user, access }) => `${user}: ${access}`,
  }),
  "key": defineEvent({
    kind: "result",
    what: "A key of an account.",
    fields: {
      ...{ user, fingerprint: text("fingerprint of the key") },
      added: time("time at which it was added"),
    },
    words: ({ fingerprint, added }, { time }) => `${fingerprint}  added ${time(added)}`,
  }),
  "key-removed": defineEvent({
    kind: "result",
    what: "A key was removed from an account.",
    fields: { user, fingerprint: text("fingerprint of the key") },
    words: ({ user, fingerprint }) => `Removed the key ${fingerprint} of ${user}`,
  }),
  "user-removed": defineEvent({
    kind: "result",
    what: "An account was removed, with its files.",
    fields: { user, files: count("number of its files") },
    words: ({ user, files }) => `Removed ${user} and ${plural(files, "file")}`,
  }),
  "token": defineEvent({
    kind: "result",
    what: "A new token: an invitation, or a link token.",
    fields: {
      token: text("the token, which anyone who has it can use"),
      id: optional(text("id of an invitation; the server does not keep the token itself")),
      label: optional(text("the operator's note")),
      purpose: oneOf(
        ["link", "invitation"],
        "`link`: for another machine of a user; `invitation`: for a new user",
      ),
      uses: count("number of uses"),
      expires: time("time at which it expires"),
      user: optional(text("user name of the account, if an operator created the token")),
    },
    words: ({ token }) => token,
    note: ({ token, id, label, purpose, uses, expires, user }, { time }) => {
      const until = `until ${time(expires)}`;
      if (purpose === "invitation") {
        const what = ["Invitation", id, label && `(${label})`].filter(Boolean).join(" ");
        return `${what}: valid for ${plural(uses, "user")}, ${until}. ` +
          `On the user's machine, run 'xfer client init --invitation ${token}'.`;
      }
      const where = user === undefined
        ? "On the other machine, with the same transfer.info"
        : `On the user's machine, with ${user} in line 2 of transfer.info`;
      return `Valid once, ${until}. ${where}, run 'xfer client link ${token}'.`;
    },
  }),
  "invitation": defineEvent({
    kind: "result",
    what: "An open invitation.",
    fields: {
      id: text("id of the invitation"),
      label: optional(text("the operator's note")),
      used: count("number of users who registered with it"),
      usesLeft: count("number of users who can still register with it"),
      made: time("time at which it was created"),
      expires: time("time at which it expires"),
    },
    words: ({ id, label, used, usesLeft, made, expires }, { time }) =>
      `${id}  used ${used} of ${used + usesLeft}  created ${time(made)}  ` +
      `expires ${time(expires)}${label === undefined ? "" : `  ${label}`}`,
  }),
  "withdrawn": changed("Invitations were revoked.", "Revoked", "invitation"),
  "setting": defineEvent({
    kind: "result",
    what: "An effective setting of the server.",
    fields: {
      key: text("name of the setting: the option, and the key in the file"),
      value: text("effective value, as written"),
      source: oneOf(SOURCES, "source of the value"),
      where: optional(text("the option, the variable, or the file and line")),
      line: text("the setting as a line of the file"),
    },
    words: ({ line, source, where = source }, { paint }) =>
      `${line.padEnd(SETTING_WIDTH)}  ${paint("dim", `# ${where}`)}`,
  }),
  "example-file": defineEvent({
    kind: "result",
    what: "A settings file with every setting of the server at its default.",
    fields: { text: lines("the file") },
    words: ({ text }) => text,
  }),
} as const;

function quotaWords({ bytes, files }: Values<typeof quotaFields>, { limit }: Presentation): string {
  const parts = [
    bytes === null ? "" : bytes === "none" ? "unlimited bytes" : limit(bytes),
    files === null ? "" : files === "none" ? "unlimited files" : plural(files, "file"),
  ].filter((part) => part !== "");
  return parts.length === 0 ? "default quota" : `quota ${parts.join(" and ")}`;
}

export function filesOf({ files, oldVersions }: { files: number; oldVersions: number }): string {
  const old = oldVersions === 0 ? "" : `, ${plural(oldVersions, "old version")}`;
  return `${plural(files, "file")}${old}`;
}
