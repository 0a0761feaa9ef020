/** A local folder with everything that an upload must keep. */
import { dirname } from "node:path";
import { setTime } from "../../client/local/file_metadata.ts";
import type { EntryKind } from "../../protocol/entry.ts";
import { pseudoRandomBytes } from "./bytes.ts";
import { runTool } from "./tools.ts";

export interface LocalEntry {
  readonly kind: EntryKind;
  /** Of a file: its content. Of a link: its target. */
  readonly content?: string | Uint8Array;
  readonly mode?: number;
  /** In nanoseconds since 1970. */
  readonly mtime: bigint;
}

const TIME = 1_764_419_786_123_456_789n;
const MONTH = 30n * 86_400_000_000_000n;
const DEPTH = 100;
/** 255 bytes in UTF-8. */
const LONG_NAME = `${"ü".repeat(127)}x`;

/** Entries by path below the folder, each folder before its content. */
export const EVERYTHING: Readonly<Record<string, LocalEntry>> = {
  "": { kind: "folder", mode: 0o755, mtime: TIME },
  "empty": { kind: "file", content: "", mode: 0o644, mtime: 0n },
  "tool": { kind: "file", content: "#!/bin/sh\n", mode: 0o755, mtime: TIME + 1n },
  "setuid": { kind: "file", content: "x", mode: 0o4751, mtime: TIME },
  "private": { kind: "file", content: "secret", mode: 0o600, mtime: -1n },
  "large": { kind: "file", content: pseudoRandomBytes(3_000_000), mode: 0o640, mtime: TIME },
  "old": { kind: "file", content: "before 1970", mode: 0o644, mtime: -MONTH - 999_999_999n },
  "new": { kind: "file", content: "after 2038", mode: 0o444, mtime: 80n * 12n * MONTH + 7n },
  [LONG_NAME]: { kind: "file", content: "255 bytes", mode: 0o644, mtime: TIME },
  "a\nb\\c:d": { kind: "file", content: "odd", mode: 0o644, mtime: TIME },
  "caf\u00e9": { kind: "file", content: "NFC", mode: 0o644, mtime: TIME },
  "cafe\u0301s": { kind: "file", content: "NFD", mode: 0o644, mtime: TIME },
  "empty folder": { kind: "folder", mode: 0o700, mtime: 1n },
  "shared": { kind: "folder", mode: 0o2775, mtime: TIME + 2n },
  "shared/sticky": { kind: "folder", mode: 0o1777, mtime: TIME + 3n },
  "shared/sticky/file": { kind: "file", content: "y", mode: 0o644, mtime: TIME },
  "links": { kind: "folder", mode: 0o755, mtime: TIME },
  "links/relative": { kind: "link", content: "../tool", mtime: TIME + 4n },
  "links/absolute": { kind: "link", content: "/etc/hostname", mtime: -5n },
  "links/dangling": { kind: "link", content: "no/where/\u00fc", mtime: TIME },
  "links/folder": { kind: "link", content: "../shared", mtime: TIME },
  "links/up": { kind: "link", content: "..", mtime: TIME },
  ...Object.fromEntries(
    Array.from({ length: DEPTH - 1 }, (_, i): [string, LocalEntry] => [
      Array.from({ length: i + 1 }, () => "d").join("/"),
      { kind: "folder", mode: 0o755, mtime: TIME + BigInt(i) },
    ]),
  ),
  [`${"d/".repeat(DEPTH - 1)}deepest`]: { kind: "file", content: "!", mode: 0o644, mtime: TIME },
};

/** Creates the entries below a path, and a pipe, which no upload takes. */
export async function makeTree(
  root: string,
  entries: Readonly<Record<string, LocalEntry>> = EVERYTHING,
): Promise<void> {
  const all = Object.entries(entries).map(([name, entry]) =>
    [name === "" ? root : `${root}/${name}`, entry] as const
  );
  for (const [path, { kind, content = "" }] of all) {
    await Deno.mkdir(kind === "folder" ? path : dirname(path), { recursive: true });
    if (kind === "link") await Deno.symlink(content as string, path);
    else if (kind === "file") {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(path, bytes);
    }
  }
  await runTool("mkfifo", [`${root}/pipe`]);
  // Changes in a folder change its time, so the deepest come first.
  for (const [path, { mode, mtime }] of all.toReversed()) {
    if (mode !== undefined) await Deno.chmod(path, mode);
    setTime(path, mtime);
  }
}
