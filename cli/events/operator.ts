/**
 * What the commands below `xfer server` tell.
 *
 * @module
 */
import { plural, seconds, sizeColumn } from "../text/format.ts";
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

const user = text("the user's name");
const id = text("the account's id, 32 hexadecimal digits");
const size = count("its bytes");
const cksum = count("its POSIX checksum");
const files = count("files that it has");
const oldVersions = count("files that were replaced and are kept");
const firstSeen = time("when the account was made");
const lastSeen = time("when the client was last there");

/** Where a setting may come from. */
export const SOURCES = ["option", "environment", "file", "default"] as const;
/** As wide as all but the longest. */
const SETTING_WIDTH = 44;

const quotaFields = {
  bytes: limit("bytes at most; `null` is what holds for all"),
  files: limit("files at most; `null` is what holds for all"),
};
const quota = record(quotaFields, "what the account may store");

const storedFile = {
  ...{ name, size, cksum },
  stored: time("when it was confirmed"),
  verified: flag("whether client and server agreed on the checksum"),
  path,
  version: count("which it is under this name, from 1 on"),
  current: flag("whether it is the newest"),
};

/** What stands for protocol 4 among the editions of protocol 3. */
const PROTOCOL_4 = "4";

export const OPERATOR_EVENTS = {
  "client": defineEvent({
    kind: "result",
    what: "An account; what it has stored follows, in events `client-file`.",
    fields: {
      ...{ name: user, id, edition: text("what its client speaks; 4 is protocol 4") },
      ...{ firstSeen, lastSeen, hasKey: flag("whether the client has a key, of either protocol") },
      ...{ files, oldVersions },
    },
    words: ({ name, id, edition, lastSeen, hasKey, ...stored }) =>
      [
        `${name}: ${filesOf(stored)}, last seen ${seconds(lastSeen)}`,
        ...hasKey ? [] : ["no key yet"],
        edition === PROTOCOL_4 ? "protocol 4" : `edition ${edition}`,
        `id ${id}`,
      ].join(", "),
  }),
  "client-file": defineEvent({
    kind: "result",
    what: "A file that an account has stored.",
    fields: {
      ...{ user, ...storedFile },
      damage: optional(
        oneOf(["missing", "size", "content"], "the damage that was found in it, if any"),
      ),
    },
    words: ({ name, size, stored, verified, version, current, damage }, paint) =>
      `${sizeColumn(size)}  ${seconds(stored)}  ${name}` +
      (current ? "" : `  (old version ${version})`) + (verified ? "" : "  (not verified)") +
      (damage === undefined ? "" : `  ${paint("warning", "(damaged)")}`),
  }),
  "exported": defineEvent({
    kind: "result",
    what: "A stored file was written out.",
    fields: { target: text("where it is written"), name, user, size, cksum },
    words: ({ target, name, user, size, cksum }, paint) =>
      `${paint("success", "Exported")} ${name} of ${user} (${size} bytes, cksum ${cksum}) ` +
      `as ${target}`,
  }),
  ...DATA_FOLDER_EVENTS,
  "user": defineEvent({
    kind: "result",
    what: "An account.",
    fields: {
      ...{ name: user, id, protocol: oneOf([3, 4], "of which protocol it is") },
      keys: count("keys by which its user logs in"),
      ...{ files, oldVersions, bytes: count("the bytes of all of them") },
      ...{ quota, disabled: flag("whether it may do nothing"), firstSeen, lastSeen },
    },
    words: (account) =>
      [
        `${account.name}: ${filesOf(account)}, ${plural(account.bytes, "byte")}, ` +
        `last seen ${seconds(account.lastSeen)}${account.disabled ? ", disabled" : ""}`,
        `  id ${account.id}, protocol ${account.protocol}, ${plural(account.keys, "key")}`,
        `  quota ${quotaWords(account.quota)}, first seen ${seconds(account.firstSeen)}`,
      ].join("\n"),
  }),
  "user-disabled": defineEvent({
    kind: "result",
    what: "An account may do nothing any more.",
    fields: { user },
    words: ({ user }) => `Disabled ${user}`,
  }),
  "user-enabled": defineEvent({
    kind: "result",
    what: "An account may do everything again.",
    fields: { user },
    words: ({ user }) => `Enabled ${user}`,
  }),
  "user-renamed": defineEvent({
    kind: "result",
    what: "An account has another name.",
    fields: {
      ...{ from: text("the name before"), to: text("the name from now on") },
      learns: flag("whether the client is told of it"),
    },
    words: ({ from, to }) => `Renamed ${from} to ${to}`,
    aside: ({ from, to, learns }) =>
      learns
        ? `Tell the user to write ${to} into line 2 of transfer.info.`
        : `Tell the user, who has protocol 3, to write ${to} into line 2 of transfer.info ` +
          `and line 1 of me.info; until then the client registers anew as ${from}.`,
  }),
  "quota-set": defineEvent({
    kind: "result",
    what: "How much an account may store was decided.",
    fields: { user, quota },
    words: ({ user, quota }) => `The quota of ${user}: ${quotaWords(quota)}`,
  }),
  "key": defineEvent({
    kind: "result",
    what: "A key by which a user logs in.",
    fields: { user, fingerprint: text("of the key"), added: time("when it came to the account") },
    words: ({ fingerprint, added }) => `${fingerprint}  added ${seconds(added)}`,
  }),
  "key-removed": defineEvent({
    kind: "result",
    what: "A key does not open its account any more.",
    fields: { user, fingerprint: text("of the key") },
    words: ({ user, fingerprint }) => `Removed the key ${fingerprint} of ${user}`,
  }),
  "user-removed": defineEvent({
    kind: "result",
    what: "An account is gone, with its files.",
    fields: { user, files: count("how many it had") },
    words: ({ user, files }) => `Removed ${user} and ${plural(files, "file")}`,
  }),
  "token": defineEvent({
    kind: "result",
    what: "A token, with which a user gets into an account.",
    fields: {
      token: text("the token: whoever has it may use it"),
      id: optional(text("the id of an invitation; the token itself is not kept")),
      label: optional(text("the operator's note")),
      purpose: oneOf(
        ["link", "invitation"],
        "for a further machine of the user, or for somebody who is to register",
      ),
      uses: count("how often it is good"),
      expires: time("until when it is good"),
      user: optional(text("whose account it opens, where an operator has made it")),
    },
    words: ({ token }) => token,
    aside: ({ token, id, label, purpose, uses, expires, user }) => {
      const until = `until ${seconds(expires)}`;
      if (purpose === "invitation") {
        const what = ["Invitation", id, label && `(${label})`].filter(Boolean).join(" ");
        return `${what}, good for ${plural(uses, "user")}, ${until}. ` +
          `On the user's machine: xfer client init --invitation ${token}`;
      }
      const where = user === undefined
        ? "On the other machine, with the same transfer.info"
        : `On the user's machine, with ${user} in transfer.info`;
      return `Good once, ${until}. ${where}: xfer client link ${token}`;
    },
  }),
  "invitation": defineEvent({
    kind: "result",
    what: "An invitation that is open.",
    fields: {
      id: text("what it is called by"),
      label: optional(text("the operator's note")),
      used: count("how many have registered with it"),
      usesLeft: count("how many may still register with it"),
      made: time("when it was made"),
      expires: time("until when it is good"),
    },
    words: ({ id, label, used, usesLeft, made, expires }) =>
      `${id}  used ${used} of ${used + usesLeft} times  made ${seconds(made)}  ` +
      `expires ${seconds(expires)}${label === undefined ? "" : `  ${label}`}`,
  }),
  "withdrawn": defineEvent({
    kind: "result",
    what: "Invitations were withdrawn.",
    fields: { count: count("how many") },
    words: ({ count }) => `Withdrew ${plural(count, "invitation")}`,
  }),
  "setting": defineEvent({
    kind: "result",
    what: "A setting of the server.",
    fields: {
      key: text("its name: that of the option, and the key in the file"),
      value: text("what is in force, as it was written"),
      source: oneOf(SOURCES, "whence it comes"),
      where: optional(text("which option, which variable, or which file and where in it")),
      line: text("the setting as a line of the file"),
    },
    words: ({ line, source, where = source }, paint) =>
      `${line.padEnd(SETTING_WIDTH)}  ${paint("dim", `# ${where}`)}`,
  }),
  "example-file": defineEvent({
    kind: "result",
    what: "A file with all settings of the server, as their defaults.",
    fields: { text: lines("the file") },
    words: ({ text }) => text,
  }),
} as const;

function quotaWords({ bytes, files }: Values<typeof quotaFields>): string {
  const parts = [
    bytes === null ? "" : bytes === "none" ? "any size" : plural(bytes, "byte"),
    files === null ? "" : files === "none" ? "any number of files" : plural(files, "file"),
  ];
  return parts.filter((part) => part !== "").join(" and ") || "as for all";
}

function filesOf({ files, oldVersions }: { files: number; oldVersions: number }): string {
  const old = oldVersions === 0 ? "" : `, ${plural(oldVersions, "old version")}`;
  return `${plural(files, "file")}${old}`;
}
