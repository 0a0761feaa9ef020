/** Entries of a scripted server, with kind, permissions and time. */
import {
  type Described,
  type Files,
  type FolderFixture,
  test as testAnywhere,
} from "./folder_server.ts";

/** Windows has no permission bits, and links need a privilege. */
export function test(
  what: string,
  files: Files,
  body: (fixture: FolderFixture) => Promise<void>,
): void {
  if (Deno.build.os !== "windows") testAnywhere(what, files, body);
}

/** A time with nanoseconds. */
export const NS = 1_234_567_890_123_456_789n;
export const folder = (mode?: number, mtime = NS): Described => ({ entry: "folder", mode, mtime });
export const file = (mode?: number, mtime = NS): Described => ({ entry: "file", mode, mtime });
export const link = (mtime = NS): Described => ({ entry: "link", mode: 0o777, mtime });
