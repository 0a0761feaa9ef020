/**
 * The thread of file_thread.ts: creates and renames files.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Bytes } from "../../protocol/bytes.ts";
import { release } from "../../protocol/memory.ts";
import { findLink } from "./find_link.ts";
import { createFile } from "./new_file.ts";
import { SYSTEM_CALLS } from "./system_calls.ts";

/** All lists have the files in the same order. */
export interface FilesToCreate {
  readonly do: "create";
  readonly paths: readonly string[];
  /** All contents, one after another. */
  readonly contents: Bytes;
  /** Where each content ends. */
  readonly ends: readonly number[];
  readonly modes: readonly number[];
  readonly mtimes: readonly (bigint | undefined)[];
}

export interface FilesToRename {
  readonly do: "rename";
  readonly paths: readonly string[];
  readonly targets: readonly string[];
}

/** `root`: no folder below it may be a link. */
export type FileTask = (FilesToCreate | FilesToRename) & { readonly root: string };

export interface FileTaskResult {
  /** The places of the files that failed. */
  readonly failed: readonly number[];
  /** Given back if files failed. */
  readonly contents?: Bytes;
}

/** The parts of a worker's global scope that a window lacks. */
const thread = self as unknown as {
  onmessage: (event: MessageEvent<FileTask>) => void;
  postMessage(answer: FileTaskResult | "ready", handedOver?: Transferable[]): void;
};

thread.onmessage = ({ data: task }) => {
  const failed = indexesOf(task, task.do === "create" ? creating(task) : renaming(task));
  if (task.do === "rename") return thread.postMessage({ failed });
  const { contents } = task;
  if (failed.length > 0) return thread.postMessage({ failed, contents }, [contents.buffer]);
  release(contents);
  thread.postMessage({ failed });
};
thread.postMessage("ready");

/** Returns whether it was done for a path, and its place. */
type Work = (path: string, place: number) => boolean;

function creating({ contents, ends, modes, mtimes }: FilesToCreate): Work {
  return (path, i) => {
    const content = contents.subarray(i === 0 ? 0 : ends[i - 1], ends[i]);
    const attributes = { mode: modes[i] as number, mtime: mtimes[i] };
    return createFile?.(path, content, attributes) === true;
  };
}

function renaming({ targets }: FilesToRename): Work {
  return (path, i) => SYSTEM_CALLS?.renameToFree(path, targets[i] as string) === true;
}

/** Returns the places of the paths for which work fails, or that a link leads to. */
function indexesOf({ root, paths }: FileTask, work: Work): number[] {
  let last: string | undefined;
  let isSafe = false;
  return paths.flatMap((path, i) => {
    const folder = dirname(path);
    if (folder !== last) isSafe = findLink(folder, root) === undefined;
    last = folder;
    return isSafe && work(path, i) ? [] : [i];
  });
}
