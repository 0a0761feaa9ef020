/**
 * What is told of files on their way, and of those on the server.
 *
 * @module
 */
import { plural, seconds, sizeColumn } from "../text/format.ts";
import { count, defineEvent, flag, oneOf, optional, record, text, time } from "./definition.ts";

const MIB = 2 ** 20;

const path = text("its path here");
const name = text("its name on the server");
const target = text("where it is written");
const size = count("its bytes");
const cksum = count("its POSIX checksum, as cksum(1) prints it");
const user = text("the user's name");
const file = text(
  "the file: its path here where it is sent, its name on the server where it is got",
);

const remoteFile = {
  name,
  version: count("which it is under this name, from 1 on"),
  size,
  changed: time("when the file was changed last where it came from"),
  stored: time("when the server confirmed it"),
  cksum,
  sha256tree: text("the digest of all its chunks, in base64"),
};

const rangeFields = {
  from: count("the first, counted from 0"),
  bytes: count("how many, as far as the file goes"),
};

/** What is said before and behind a file with which something was not done, by how it stands. */
type Undone = Readonly<Record<string, readonly [before: string, after: string]>>;

const UNSTORED = {
  "not-stored": ["Not stored", ""],
  "unknown": ["Not known whether stored", ": send it again to be sure"],
  "not-tried": ["Not stored", ": the run ended before it"],
} as const satisfies Undone;

const UNREMOVED = {
  "not-removed": ["Not removed", ""],
  "unknown": ["Not known whether removed", ": see xfer client list"],
  "not-tried": ["Not removed", ": the run ended before it"],
} as const satisfies Undone;

/** `work`: what the server was told to do, and perhaps did. */
const standing = <T extends Undone>(table: T, work: string) =>
  oneOf(
    Object.keys(table) as (keyof T & string)[],
    `\`unknown\` where the server was told to ${work} it and did not answer; \`not-tried\` where ` +
      "the run ended before it",
  );

const DID = {
  put: { did: "Stored", there: "on the server already" },
  get: { did: "Got", there: "here already" },
  remove: { did: "Removed", there: "gone" },
} as const;

const undone = ([before, after]: Undone[string], what: string) => `${before}: ${what}${after}`;

export const FILE_EVENTS = {
  "passed": defineEvent({
    kind: "note",
    what: "Something in a folder is not sent.",
    fields: { path, why: text("why not") },
    words: ({ path, why }) => `Skipped ${path}: ${why}`,
  }),
  "comparing": defineEvent({
    kind: "progress",
    what: "So much of what is here was compared with what the server has; it comes at intervals.",
    fields: { done: count("bytes that were compared"), total: count("bytes that there are") },
    words: ({ done, total }) => `Compared ${done} of ${plural(total, "byte")}`,
  }),
  "planned": defineEvent({
    kind: "note",
    isDetail: true,
    what: "It is known what there is to be sent, or to be got; what is there already is not.",
    fields: { files: count("how many files"), bytes: count("their bytes") },
    words: ({ files, bytes }) =>
      `There is to be transferred: ${plural(files, "file")}, ${plural(bytes, "byte")}`,
  }),
  "sending": defineEvent({
    kind: "note",
    what: "A file is on its way to the server.",
    fields: { file, size, attempt: count("which attempt it is, from 1 on") },
    words: ({ file, size, attempt }) =>
      `Sending ${file}, ${plural(size, "byte")}${attempt > 1 ? `, attempt ${attempt}` : ""}`,
  }),
  "getting": defineEvent({
    kind: "note",
    isDetail: true,
    what: "A file is on its way from the server.",
    fields: {
      file,
      size: count("its bytes, or those of the range that is wanted"),
      done: count("bytes of those that are here, from an attempt before"),
      attempt: count("which attempt it is, from 1 on"),
    },
    words: ({ file, size, attempt }) =>
      `Getting ${file}, ${plural(size, "byte")}${attempt > 1 ? `, attempt ${attempt}` : ""}`,
  }),
  "resumed": defineEvent({
    kind: "note",
    what: "A transfer that was broken off goes on where it was.",
    fields: { file, done: count("bytes that are over already"), total: size },
    words: ({ file, done }) => `Going on at ${Math.floor(done / MIB)} MiB of ${file}`,
  }),
  "progress": defineEvent({
    kind: "progress",
    what: "So much of a file is over; it comes at intervals, and is no promise that it is stored.",
    fields: {
      file,
      done: count("bytes that are over, of this attempt"),
      total: size,
      attempt: count("which attempt it is, from 1 on"),
    },
    words: ({ file, done, total }) => `${file}: ${done} of ${plural(total, "byte")}`,
  }),
  "kept-part": defineEvent({
    kind: "note",
    what: "What has come of a file is kept for a later run.",
    fields: { file, path: text("where it is kept") },
    words: ({ file, path }) =>
      `What has come of ${file} is kept in ${path}: the same command goes on from there`,
  }),
  "left-part": defineEvent({
    kind: "note",
    what: "What the server has got of a file it keeps for a later run.",
    fields: { file },
    words: ({ file }) =>
      `What the server has got of ${file} is kept there: the same command goes on from there`,
  }),
  "compared": defineEvent({
    kind: "note",
    what: "The checksums of both ends were compared, by protocol 3.",
    fields: {
      file,
      ours: count("the checksum here"),
      theirs: count("the server's"),
      attempt: count("of which attempt, from 1 on"),
      zlib: flag("whether the server's is zlib's CRC-32 of the file, which counts as right"),
    },
    words: ({ ours, theirs, zlib }) =>
      ours === theirs
        ? `The checksums agree: ${ours}`
        : zlib
        ? `The checksums agree: the server's is zlib's CRC-32, ${theirs}`
        : `The checksums differ: ${ours} here, ${theirs} there`,
  }),
  "stored": defineEvent({
    kind: "result",
    what: "The server has confirmed that it keeps a file.",
    fields: { name, path, size, cksum, user, server: text("the server's address, HOST:PORT") },
    words: ({ name, size, cksum, user, server }, paint) =>
      `${paint("success", "Stored")} ${name} (${
        plural(size, "byte")
      }, cksum ${cksum}) for ${user} on ` +
      server,
  }),
  "unchanged": defineEvent({
    kind: "note",
    isDetail: true,
    what: "The server has a file as it is already; it is not sent.",
    fields: { name, path },
    words: ({ path }) => `Unchanged: ${path}`,
  }),
  "not-stored": defineEvent({
    kind: "error",
    what:
      "A file was not confirmed, or a folder can't be read. The error with the reason, or `stopping`, " +
      "comes before it.",
    fields: {
      path,
      state: standing(UNSTORED, "store"),
      code: text("the code of the error"),
    },
    words: ({ path, state }) => undone(UNSTORED[state], path),
  }),
  "got": defineEvent({
    kind: "result",
    what: "A file, or a range of one, was got from the server, and is what was stored.",
    fields: {
      ...{ name, target, size, cksum },
      range: optional(record(rangeFields, "which bytes of it alone, where not all were wanted")),
    },
    words: ({ name, target, size, cksum, range }, paint) =>
      paint("success", "Got") +
      (range === undefined ? "" : ` ${plural(range.bytes, "byte")}, from ${range.from} on, of`) +
      ` ${name} (${plural(size, "byte")}, cksum ${cksum}) as ${target}`,
  }),
  "already-there": defineEvent({
    kind: "note",
    isDetail: true,
    what: "What the server has is here already; it is not got.",
    fields: { name, target },
    words: ({ target }) => `Unchanged: ${target}`,
  }),
  "not-got": defineEvent({
    kind: "error",
    what: "A file was not got; the error that says why comes before, or `stopping`.",
    fields: { name, target, code: text("the code of the error") },
    words: ({ name }) => `Not got: ${name}`,
  }),
  "summary": defineEvent({
    // Where something has failed, it is said with --quiet too.
    kind: ({ failed }) => failed === 0 ? "note" : "error",
    what: "What came of all files, at the end of `put`, `get` and `remove`.",
    fields: {
      action: oneOf(["put", "get", "remove"], "what was done with them"),
      done: count("files that were stored, got or removed"),
      bytes: optional(count("their bytes, of `put` and `get`")),
      unchanged: optional(count("files that were there already, of `put` and `get`")),
      skipped: optional(count("what was left out, of `put`: each has a `passed`")),
      failed: count("files, and folders that can't be read, that were not stored, got or removed"),
    },
    words: ({ action, done, bytes, unchanged = 0, skipped = 0, failed }) => {
      if (unchanged + skipped === 0 && done + failed === 1) return undefined; // all is said
      const { did, there } = DID[action];
      const isAllThere = done + failed === 0 && unchanged > 0;
      const nothing = isAllThere
        ? `Unchanged: ${unchanged === 1 ? "the file is" : "all are"} ${there}`
        : `${did} nothing`;
      const size = bytes === undefined ? "" : ` (${plural(bytes, "byte")})`;
      return [
        done === 0 ? nothing : `${did} ${plural(done, "file")}${size}`,
        ...isAllThere || unchanged === 0 ? [] : [`unchanged ${unchanged}`],
        ...skipped === 0 ? [] : [`skipped ${skipped}`],
        ...failed === 0 ? [] : [`failed ${failed}`],
      ].join(", ");
    },
  }),
  "file": defineEvent({
    kind: "result",
    what: "A file on the server, as `list` prints it.",
    fields: remoteFile,
    words: ({ name, size, changed }) => `${sizeColumn(size)}  ${seconds(changed)}  ${name}`,
  }),
  "version": defineEvent({
    kind: "result",
    what: "A file on the server, or what it was before, as `versions` prints it.",
    fields: remoteFile,
    words: ({ version, size, changed, stored }) =>
      `${sizeColumn(size)}  ${seconds(changed)}  version ${version}, stored ${seconds(stored)}`,
  }),
  "file-details": defineEvent({
    kind: "result",
    what: "All that the server knows of a file, as `stat` prints it.",
    fields: remoteFile,
    words: ({ name, version, size, changed, stored, cksum, sha256tree }) =>
      [
        name,
        `  size        ${plural(size, "byte")}`,
        `  changed     ${seconds(changed)}`,
        `  stored      ${seconds(stored)}`,
        `  version     ${version}`,
        `  cksum       ${cksum}`,
        `  sha256tree  ${sha256tree}`,
      ].join("\n"),
  }),
  "file-damaged": defineEvent({
    kind: "result",
    what: "A version of a file that is damaged on the server, as `list` and `versions` print it.",
    fields: { name: remoteFile.name, version: remoteFile.version },
    words: ({ name, version }, paint) =>
      `${paint("warning", "damaged")}  ${name}, version ${version}`,
  }),
  "list-incomplete": defineEvent({
    kind: "error",
    what: "What `list` or `versions` has printed is not all; the error that says why comes next.",
    fields: { listed: count("how much was printed: files, or versions") },
    words: ({ listed }) => `This is not all: the list ended early, after ${listed}`,
  }),
  "removed": defineEvent({
    kind: "result",
    what: "A file was removed from the server, with its versions.",
    fields: { name },
    words: ({ name }) => `Removed ${name}`,
  }),
  "not-removed": defineEvent({
    kind: "error",
    what: "A file was not removed; the error that says why comes before, or `stopping`.",
    fields: {
      name,
      state: standing(UNREMOVED, "remove"),
      code: text("the code of the error"),
    },
    words: ({ name, state }) => undone(UNREMOVED[state], name),
  }),
  "renamed": defineEvent({
    kind: "result",
    what: "A file on the server has another name.",
    fields: { from: text("the name before"), to: text("the name from now on") },
    words: ({ from, to }) => `Renamed ${from} to ${to}`,
  }),
  "linked": defineEvent({
    kind: "result",
    what: "This folder has a key of its own to an account that there was.",
    fields: { user, id: text("the account's id on the server, 32 hexadecimal digits") },
    words: ({ user, id }) => `Linked this folder to the account of ${user}, id ${id}`,
  }),
  "forgot": defineEvent({
    kind: "result",
    what: "It is not known any more by what a server is to be recognised.",
    fields: { server: text("its address, HOST:PORT") },
    words: ({ server }) => `Forgot ${server}`,
  }),
} as const;
