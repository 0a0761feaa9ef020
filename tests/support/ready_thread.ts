import assert from "node:assert/strict";
import { FileThread } from "../../client/local/file_thread.ts";

/** A thread for files that has started. */
export async function readyThread(root: string): Promise<FileThread> {
  const thread = FileThread.start(root, Infinity);
  assert.ok(thread, "the C library can be loaded");
  while (!thread.isReady) await new Promise((resolve) => setTimeout(resolve, 1));
  return thread;
}
