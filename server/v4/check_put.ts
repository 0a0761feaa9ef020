/**
 * Reasons to refuse an upload that need not wait for its commit.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { entrySizeFault, linkTarget } from "../../protocol/entry.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import type { V4Context } from "./context.ts";
import { checkFileName, RequestError } from "./request_error.ts";

/**
 * Throws `RequestError` `bad-file-name`; `bad-entry` for a folder with content or a link without a target; `other-form`
 * if the name is stored in another Unicode form.
 */
export async function checkPut(
  { store: { catalog } }: Pick<V4Context, "store">,
  accountId: Bytes,
  { name, entry, size }: MessageOf<"put">,
): Promise<void> {
  checkFileName(name);
  const fault = entrySizeFault(entry, size);
  if (fault !== undefined) throw new RequestError("bad-entry", `a ${entry} ${fault}`);
  // Most names have one form.
  if (/^\p{ASCII}*$/u.test(name)) return;
  const stored = await catalog.files.find(accountId, name);
  if (stored === undefined || stored.name === name) return;
  throw new RequestError("other-form", "its name is stored in another Unicode form");
}

/** Throws `RequestError` `bad-entry` for content that is no target of a link. */
export function checkTarget(content: Bytes): void {
  if (linkTarget(content) !== undefined) return;
  throw new RequestError("bad-entry", "the target of a link is UTF-8 without NUL");
}
