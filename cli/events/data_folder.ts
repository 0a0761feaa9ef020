/**
 * What is told where a data folder is looked after: verified, backed up, restored.
 *
 * @module
 */
import { plural } from "../text/format.ts";
import { count, defineEvent, flag, oneOf, optional, text } from "./definition.ts";

export const path = text("where it is in the data folder");
export const name = text("its name");

export const DATA_FOLDER_EVENTS = {
  "finding": defineEvent({
    kind: "result",
    what: "Something in the data folder is not as it was stored.",
    fields: {
      finding: oneOf(
        ["missing", "changed", "stray"],
        "in the catalog and not on the disk; on the disk and not as it was; not in the catalog",
      ),
      path,
      name: optional(name),
      user: optional(text("the name of its user")),
      how: optional(text("how it differs")),
      movedTo: optional(text("where it was put aside, with `--repair`")),
    },
    words: ({ finding, path, name, user, how, movedTo }, paint) =>
      paint("warning", finding) + `  ${path}` + (name === undefined ? "" : `  ${name}`) +
      (user === undefined ? "" : ` of ${user}`) +
      (how === undefined ? "" : `: ${how}`) +
      (movedTo === undefined ? "" : `  moved to ${movedTo}`),
  }),
  "sound-again": defineEvent({
    kind: "result",
    what: "A file that was marked as damaged is as it was stored; the mark is removed.",
    fields: { path, name },
    words: ({ path, name }, paint) => `${paint("success", "sound")}  ${path}  ${name}`,
  }),
  "not-recorded": defineEvent({
    kind: "warning",
    what: "The catalog can't be written, so the damaged files are not marked in it.",
    fields: { reason: text("why") },
    words: ({ reason }, paint) =>
      `${paint("warning", "Warning:")} Could not mark damaged files in the catalog: ${reason}`,
  }),
  "catalog-fault": defineEvent({
    kind: "result",
    what: "The database finds something wrong with itself.",
    fields: { fault: text("what") },
    words: ({ fault }, paint) => `${paint("warning", "catalog:")} ${fault}`,
  }),
  "verified": defineEvent({
    kind: "result",
    what: "What is stored was read again and compared.",
    fields: {
      differences: count("how many there were"),
      repaired: flag("whether they were put aside, with `--repair`"),
      whole: flag("whether all was read; else the command was stopped"),
    },
    words: ({ differences, whole }, paint) => {
      const found = `ound ${plural(differences, "difference")}`;
      if (!whole) return `Stopped before all was read; f${found} so far`;
      return differences === 0 ? paint("success", "All is as it was stored") : `F${found}`;
    },
    aside: ({ differences, repaired }) => {
      if (differences === 0) return undefined;
      return repaired
        ? "What was wrong is out of the catalog; what there was of it is in quarantine/. Put the " +
          "files back from a backup, or have them sent again."
        : "To move it to quarantine/, stop the server and run: xfer server verify --repair. To have " +
          "the files again, use a backup, or have them sent again.";
    },
  }),
  "left-out": defineEvent({
    kind: "result",
    what: "A file is not in the copy, since it is not what was stored.",
    fields: { path, name },
    words: ({ path, name }, paint) =>
      `${paint("warning", "Left out, not as it was stored:")}  ${path}  ${name}`,
  }),
  "not-copied": defineEvent({
    kind: "error",
    what: "A copy was broken off, since the command was stopped; nothing is left of it.",
    fields: { target: text("where it was to be"), code: text("the code of the error") },
    words: ({ target }) => `Not copied: ${target}`,
  }),
  "not-exported": defineEvent({
    kind: "error",
    what:
      "A stored file was not written out, since the command was stopped; nothing is left of it.",
    fields: { target: text("where it was to be"), code: text("the code of the error") },
    words: ({ target }) => `Not exported: ${target}`,
  }),
  "copied": defineEvent({
    kind: "result",
    what: "A backup, or a data folder from one, is complete, but for what is not as it was stored.",
    fields: {
      ...{ files: count("files in it"), bytes: count("their bytes"), target: text("where") },
      leftOut: count("files that are not in it: they are not any more what was stored"),
    },
    words: ({ files, bytes, target, leftOut }, paint) =>
      `${paint("success", "Copied")} ${plural(files, "file")}, ${bytes} bytes, to ${target}` +
      (leftOut === 0 ? "" : paint("warning", `; left out ${plural(leftOut, "damaged file")}`)),
    aside: ({ leftOut }) =>
      leftOut === 0
        ? undefined
        : "What is left out is in neither catalog nor files there. Get it from an earlier backup, or " +
          "have it sent again; xfer server verify says what is damaged where it was copied from.",
  }),
  "no-server-identity": defineEvent({
    kind: "warning",
    what: "A backup that was restored has no tls.pem, but accounts whose clients look for it.",
    fields: { accounts: count("how many, of protocol 4") },
    words: ({ accounts }, paint) =>
      `${paint("warning", "Warning:")} The backup has no tls.pem, by which the clients of ` +
      `${plural(accounts, "account")} of protocol 4 know the server: they will stop with ` +
      `other-server, unless it has its certificate by --tls-cert. If there is a tls.pem, put it ` +
      `into the folder before the server starts`,
  }),
} as const;
