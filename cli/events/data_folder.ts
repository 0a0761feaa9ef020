/**
 * Events about the maintenance of a data folder: verify, backup, restore.
 *
 * @module
 */
import { shellWord } from "../../protocol/printable.ts";
import { plural } from "../text/format.ts";
import { count, defineEvent, flag, oneOf, optional, text, time } from "./definition.ts";

export const path = text("path in the data folder");
export const name = text("name of the file");

const FINDINGS = { missing: "Missing", changed: "Damaged", stray: "Not in the catalog" } as const;

const COPIED = { backup: "Backed up", restore: "Restored", migrate: "Copied" } as const;

const RESTORE = "Restore them from a backup, or ask their owners to upload them again.";

export const DATA_FOLDER_EVENTS = {
  "finding": defineEvent({
    kind: "result",
    what: "A problem in the data folder, which `verify` found.",
    fields: {
      finding: oneOf(
        Object.keys(FINDINGS) as (keyof typeof FINDINGS)[],
        "`missing`: in the catalog and not on disk; `changed`: its content is damaged; `stray`: on " +
          "disk and not in the catalog",
      ),
      path,
      name: optional(name),
      user: optional(text("name of its user")),
      how: optional(text("the difference")),
      movedTo: optional(text("new path in the data folder, with `--repair`")),
    },
    words: ({ finding, path, name, user, how, movedTo }, { paint }) =>
      `${paint("warning", `${FINDINGS[finding]}:`)} ` +
      (name === undefined ? path : `${name}${user === undefined ? "" : ` of ${user}`} (${path})`) +
      (how === undefined ? "" : `: ${how}`) +
      (movedTo === undefined ? "" : `, moved to ${movedTo}`),
  }),
  "sound-again": defineEvent({
    kind: "result",
    what: "A file that was marked as damaged is intact. The mark was removed.",
    fields: { path, name },
    words: ({ path, name }, { paint }) => `${paint("success", "Intact again:")} ${name} (${path})`,
  }),
  "catalog-fault": defineEvent({
    kind: "result",
    what: "The catalog's database is damaged.",
    fields: { fault: text("the problem, as the database reports it") },
    words: ({ fault }, { paint }) => `${paint("warning", "Damaged catalog:")} ${fault}`,
  }),
  "verified": defineEvent({
    kind: "result",
    what: "The result of `verify`, which reads every stored file and compares it with the catalog.",
    fields: {
      differences: count("number of problems"),
      repaired: flag("whether damaged files were moved to quarantine/, with `--repair`"),
      whole: flag("whether every file was read; if not, the command was interrupted"),
      part: optional(text("the part that was verified, with `--part`, such as 2/3")),
      backup: optional(text("folder of the backup, with `--backup`")),
    },
    words: ({ differences, whole, part }, { paint }) => {
      if (!whole) {
        const found = differences === 0 ? "No problems" : plural(differences, "problem");
        return `Interrupted before every file was read. ${found} found so far.`;
      }
      const where = part === undefined ? "" : ` in part ${part}`;
      return differences === 0
        ? paint("success", `No problems found${where}`)
        : `Found ${plural(differences, "problem")}${where}`;
    },
    note: ({ differences, repaired, backup }) => {
      if (differences === 0) return undefined;
      if (backup !== undefined) {
        return "To copy damaged files again, delete them in the backup and run " +
          `'xfer server backup ${shellWord(backup)}'.`;
      }
      return repaired
        ? `Moved the damaged files to quarantine/ and removed them from the catalog. ${RESTORE}`
        : "To move damaged files to quarantine/, stop a server with a data folder, and run " +
          "'xfer server verify --repair'.";
    },
  }),
  "left-out": defineEvent({
    kind: "result",
    what: "A damaged file was not copied.",
    fields: { path, name },
    words: ({ path, name }, { paint }) =>
      `${paint("warning", "Skipped the damaged file")} ${name} (${path})`,
  }),
  "not-copied": defineEvent({
    kind: "error",
    what: "A copy was interrupted. Nothing of it remains.",
    fields: { target: text("folder of the copy"), code: text("code of the error") },
    words: ({ target }) => `Interrupted: nothing was copied to ${target}`,
  }),
  "not-backed-up": defineEvent({
    kind: "error",
    what: "A backup was interrupted. It has no new state. The next backup uses the contents that " +
      "were already copied.",
    fields: { target: text("folder of the backup"), code: text("code of the error") },
    words: ({ target }) =>
      `Interrupted: ${target} has no new state. To continue, run the same command again.`,
  }),
  "not-migrated": defineEvent({
    kind: "error",
    what: "A migration, or a restore into a database, was interrupted. The next one continues it.",
    fields: { target: text("place of the copy"), code: text("code of the error") },
    words: ({ target }) =>
      `Interrupted: ${target} is not complete. To continue, run the same command again.`,
  }),
  "not-exported": defineEvent({
    kind: "error",
    what: "The export of a file was interrupted. Nothing of it remains.",
    fields: { target: text("path of the exported file"), code: text("code of the error") },
    words: ({ target }) => `Interrupted: ${target} was not written`,
  }),
  "copied": defineEvent({
    kind: "result",
    what: "A backup, restore or migration is complete, except for damaged files.",
    fields: {
      action: oneOf(["backup", "restore", "migrate"], "the command"),
      files: count("number of files and old versions in the copy"),
      bytes: count("their bytes"),
      target: text("folder or place of the copy"),
      leftOut: count("number of damaged files, which were not copied"),
      state: optional(text("name of the new state of a backup")),
      newFiles: optional(count("number of files that the previous state of the backup lacks")),
      newBytes: optional(count("their bytes")),
    },
    words: ({ action, files, bytes, target, leftOut, state, newFiles = 0, newBytes = 0 }, show) => {
      const { paint, size } = show;
      return `${paint("success", COPIED[action])} ` +
        `${plural(files, "file")} (${size(bytes)}) to ${target}` +
        (state === undefined ? "" : ` as ${state}, ${newFiles} new (${size(newBytes)})`) +
        (leftOut === 0 ? "" : paint("warning", `, skipped ${plural(leftOut, "damaged file")}`));
    },
    note: ({ action, leftOut }) =>
      leftOut === 0
        ? undefined
        : `The ${
          action === "backup" ? "backup" : "copy"
        } lacks the skipped files. Restore them from ` +
          "an earlier backup, or ask their owners to upload them again.",
  }),
  "state": defineEvent({
    kind: "result",
    what: "A state of a backup. States share contents.",
    fields: {
      state: text("name of the state, for `--state`"),
      time: time("time at which it was made"),
      files: count("number of its files and old versions"),
      bytes: count("their bytes"),
    },
    words: ({ state, files, bytes }, { size }) =>
      `${state}  ${plural(files, "file")} (${size(bytes)})`,
  }),
  "state-removed": defineEvent({
    kind: "result",
    what: "An old state of a backup was deleted, with `--keep`.",
    fields: { state: text("name of the state"), target: text("folder of the backup") },
    words: ({ state }) => `Deleted the old state ${state}`,
  }),
  "no-server-identity": defineEvent({
    kind: "warning",
    what: "A restored backup has no tls.pem (the server key), but accounts of protocol 4.",
    fields: { accounts: count("number of accounts of protocol 4") },
    words: ({ accounts }, { paint }) =>
      `${paint("warning", "Warning:")} the backup has no server key (tls.pem), but ` +
      `${plural(accounts, "account")} of protocol 4. Their clients will refuse this server with ` +
      "'other-server', unless it gets its old certificate with --tls-cert. If you have the " +
      "tls.pem, copy it into the folder before you start the server.",
  }),
} as const;
