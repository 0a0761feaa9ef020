/**
 * Changes the mode and the time of an entry whose content the server has.
 *
 * @module
 */
import { PackedReader } from "../../protocol/v4/packed.ts";
import { UpdateWriter } from "../../protocol/v4/update.ts";
import { refused, unexpected } from "./errors.ts";
import type { RemoteFile } from "./remote_file.ts";
import type { RequestMux } from "./request_mux.ts";

/**
 * Resolves when the server has stored the attributes of a version. Throws `RefusedError` `file-changed` if another is
 * current, `no-such-file`; `ProtocolError` `unexpected-answer`; `NetworkError`.
 */
export async function sendAttributes(
  mux: RequestMux,
  name: string,
  version: number,
  attributes: Pick<RemoteFile, "mode" | "mtime">,
): Promise<void> {
  const update = new UpdateWriter();
  update.add(name, version, attributes);
  const tag = mux.nextTag();
  const answered = mux.answerOf(tag, "packed");
  answered.catch(() => undefined);
  await mux.sendRecords(update, tag);
  const answer = await answered;
  const result = new PackedReader(answer.bytes);
  result.next();
  if (result.status === "refused") throw refused(result);
  if (result.status !== "stored" || result.version !== version || result.next()) {
    throw unexpected(answer);
  }
}
