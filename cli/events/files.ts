/**
 * Events about transfers of files.
 *
 * @module
 */
import { shownSource } from "../../protocol/standard_input.ts";
import { contents } from "../text/contents.ts";
import { plural } from "../text/format.ts";
import { count, defineEvent, flag, oneOf, optional, text } from "./definition.ts";
import { failed, type Outcomes, standing } from "./outcomes.ts";

const path = text("path on this machine");
const name = text("name on the server");
const size = count("size in bytes");
const knownSize = count("size in bytes; missing for standard input");
const kind = oneOf(["file", "link"], "`link`: a symbolic link, whose content is its target");
const cksum = count("POSIX checksum, as cksum(1) prints it");
const user = text("user name");
const file = text("the file: its path on this machine for uploads, its name for downloads");
const attempt = count("number of the attempt, from 1");
const code = text("code of the error");

const UNSTORED = {
  "not-stored": (path) => `Failed to upload ${path}`,
  "unknown": (path) => `Unconfirmed: ${path} may be on the server. Upload it again to be sure`,
  "not-tried": (path) => `Not started: ${path}`,
} as const satisfies Outcomes;

const DONE = {
  put: { done: "Uploaded", place: "already on the server" },
  get: { done: "Downloaded", place: "already here" },
  remove: { done: "Removed", place: "already removed" },
  import: { done: "Imported", place: "already stored" },
  restore: { done: "Restored", place: "already there" },
} as const;

export const FILE_EVENTS = {
  "passed": defineEvent({
    kind: "note",
    what: "Something in a folder is skipped.",
    fields: { path, why: text("the reason") },
    words: ({ path, why }) => `Skipped ${path}: ${why}`,
  }),
  "comparing": defineEvent({
    kind: "progress",
    what: "The client is comparing files here with the server's. Comes at intervals.",
    fields: { done: count("bytes compared"), total: count("bytes to compare") },
    words: ({ done, total }, { size }) => `Compared ${size(done)} of ${size(total)}`,
  }),
  "planned": defineEvent({
    kind: "note",
    isDetail: true,
    what: "The client knows what to transfer. Unchanged files are not counted.",
    fields: { files: count("number of files"), bytes: count("their bytes") },
    words: ({ files, bytes }, { size }) => `${plural(files, "file")} to transfer (${size(bytes)})`,
  }),
  "sending": defineEvent({
    kind: "note",
    isDetail: "many",
    what: "The upload of a file begins.",
    fields: { file, size: optional(knownSize), attempt },
    words: ({ file, size: bytes, attempt }, { size }) =>
      `Uploading ${shownSource(file)}${bytes === undefined ? "" : ` (${size(bytes)})`}` +
      `${attempt > 1 ? `, attempt ${attempt}` : ""}`,
  }),
  "getting": defineEvent({
    kind: "note",
    isDetail: true,
    what: "The download of a file begins.",
    fields: {
      file,
      size: count("bytes to download: the file, or the range"),
      done: count("bytes already here from an earlier attempt"),
      attempt,
    },
    words: ({ file, size: bytes, attempt }, { size }) =>
      `Downloading ${file} (${size(bytes)})${attempt > 1 ? `, attempt ${attempt}` : ""}`,
  }),
  "resumed": defineEvent({
    kind: "note",
    what: "An interrupted transfer resumes.",
    fields: { file, done: count("bytes already transferred"), total: size },
    words: ({ file, done, total }, { size }) =>
      `Resuming ${file} at ${size(done)} of ${size(total)}`,
  }),
  "progress": defineEvent({
    kind: "progress",
    what:
      "A transfer makes progress. Comes at intervals, and does not mean that the file is stored.",
    fields: {
      file,
      done: count("bytes transferred in this attempt"),
      total: optional(knownSize),
      attempt,
    },
    words: ({ file, done, total }, { size }) =>
      `${shownSource(file)}: ${size(done)}${total === undefined ? "" : ` of ${size(total)}`}`,
  }),
  "kept-part": defineEvent({
    kind: "note",
    what: "The partial download of a file was kept, for a later command to resume.",
    fields: { file, path: text("path of the partial download") },
    words: ({ file, path }) =>
      `Saved the partial download of ${file} as ${path}. Run the same command again to resume.`,
  }),
  "left-part": defineEvent({
    kind: "note",
    what:
      "The upload of a file was interrupted. A later command resumes it, if the server kept the part that arrived.",
    fields: { file },
    words: ({ file }) =>
      `To resume ${file}, run the same command again. The server keeps partial uploads for a while.`,
  }),
  "compared": defineEvent({
    kind: "note",
    isDetail: ({ ours, theirs, zlib }) => ours === theirs || zlib,
    what: "The client compared its checksum of a file with the server's, over protocol 3.",
    fields: {
      file,
      ours: count("checksum of the client"),
      theirs: count("checksum of the server"),
      attempt,
      zlib: flag("whether the server's is zlib's CRC-32 of the file, which counts as equal"),
    },
    words: ({ file, ours, theirs, zlib }) =>
      ours === theirs
        ? `Checksums agree: ${ours}`
        : zlib
        ? `Checksums agree: the server's is zlib's CRC-32, ${theirs}`
        : `Checksums of ${file} differ: ${ours} here, ${theirs} on the server`,
  }),
  "stored": defineEvent({
    kind: "result",
    isDetail: "many",
    what: "The server confirmed that it stored a file or a symbolic link.",
    fields: {
      name,
      path: text("path on this machine; `-`: standard input"),
      kind,
      ...{ size, cksum },
      version: optional(count("number of the stored version; over protocol 4")),
      ...{ user, server: text("address of the server, HOST:PORT") },
    },
    words: ({ name, path, size: bytes, cksum }, { paint, size }) =>
      `${paint("success", "Uploaded")} ${shownSource(path)}` +
      `${path === name ? "" : ` as ${name}`} ` +
      `(${size(bytes)}, cksum ${cksum})`,
  }),
  "unchanged": defineEvent({
    kind: "note",
    isDetail: true,
    what: "The server already has an entry with this name and content. It is not uploaded.",
    fields: {
      ...{ name, path },
      updated: flag("whether its permissions or time were brought up to date on the server"),
    },
    words: ({ path, updated }) =>
      `${updated ? "Updated permissions or time" : "Unchanged"}: ${path}`,
  }),
  "not-stored": defineEvent({
    kind: "error",
    what:
      "A file was not confirmed, or a folder could not be read. An `error` with the reason, or " +
      "`stopping`, comes before it.",
    fields: { path, state: standing(UNSTORED, "store"), code },
    words: ({ path, state, code }) => {
      const source = shownSource(path);
      return failed(UNSTORED[state](source), state, code, source);
    },
  }),
  "summary": defineEvent({
    // Nothing done is no result, and failures are shown with --quiet, too.
    kind: ({ done, deleted = 0, failed }) =>
      done + deleted > 0 ? "result" : failed > 0 ? "error" : "note",
    what: "The totals at the end of `put`, `get`, `remove`, `restore` and `import`.",
    fields: {
      action: oneOf(["put", "get", "remove", "restore", "import"], "the command"),
      done: count(
        "files and links uploaded, downloaded or imported; entries removed or restored",
      ),
      bytes: optional(count("bytes of the files; for `remove` and `restore`, of the entries")),
      links: optional(count("the links among `done`, for `put`, `get` and `import`")),
      names: optional(count("names for `remove` and `restore`; a folder is one")),
      folders: optional(count("folders created, for `put`, `get` and `import`")),
      unchanged: optional(count("unchanged entries, for `put` and `get`")),
      updated: optional(count("entries with the same content whose permissions or time changed")),
      deleted: optional(count("entries deleted, for `--delete`")),
      skipped: optional(count("skipped files and folders: each has a `passed`")),
      failed: count("files that failed or were interrupted, and folders that could not be read"),
    },
    words: (totals, { size, interrupted: stopped }) => {
      const { action, done, bytes, names, unchanged = 0, skipped = 0, failed: undone } = totals;
      const { links = 0, folders = 0, updated = 0, deleted = 0 } = totals;
      const others = folders + updated + deleted;
      // The line of the only file or folder says everything.
      if (unchanged + skipped + others === 0 && (names ?? done + undone) === 1) return undefined;
      const stored = names === undefined
        ? contents({ files: done - links, links, folders: 0 })
        : plural(done, "entry");
      const { done: verb, place } = DONE[action];
      const interrupted = Math.min(stopped, undone);
      const isAllThere = done + undone + others === 0 && unchanged > 0;
      const nothing = isAllThere
        ? `Nothing to do: everything is ${place} (${plural(unchanged, "entry")})`
        : `${verb} nothing`;
      const amount = bytes === undefined || done === links ? "" : ` (${size(bytes)})`;
      const parts = [
        ...done > 0 ? [`${verb} ${stored}${amount}`] : others > 0 ? [] : [nothing],
        ...folders === 0 ? [] : [`${plural(folders, "folder")} created`],
        ...updated === 0 ? [] : [`${plural(updated, "entry")} updated`],
        ...deleted === 0 ? [] : [`${deleted} deleted`],
        ...isAllThere || unchanged === 0 ? [] : [`${unchanged} unchanged`],
        ...skipped === 0 ? [] : [`${skipped} skipped`],
        ...interrupted === 0 ? [] : [`${interrupted} interrupted`],
        ...undone === interrupted ? [] : [`${undone - interrupted} failed`],
      ];
      return parts.join(", ");
    },
  }),
  "linked": defineEvent({
    kind: "result",
    what: "This folder now has a key of its own to an existing account.",
    fields: { user, id: text("id of the account on the server, 32 hexadecimal digits") },
    words: ({ user, id }) => `Linked this folder to the account ${user} with id ${id}`,
  }),
  "forgot": defineEvent({
    kind: "result",
    what: "A server was removed from known_servers.",
    fields: { server: text("address of the server, HOST:PORT") },
    words: ({ server }) => `Removed ${server} from known_servers`,
  }),
} as const;
