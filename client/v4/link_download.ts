/**
 * The download of a symbolic link: its target.
 *
 * @module
 */
import { concatBytes } from "../../protocol/bytes.ts";
import { linkTarget } from "../../protocol/entry.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { V4Client } from "./client.ts";
import { checkKind, type RemoteFile } from "./remote_file.ts";

export interface DownloadedLink {
  /** The link as it was downloaded. */
  readonly file: RemoteFile;
  /** The path that the link contains. It can lead anywhere. */
  readonly target: string;
}

/** Downloads a link. Throws `ProtocolError` `unexpected-answer` for an invalid target, and as `V4Client.get` does. */
export async function downloadLink(
  client: Pick<V4Client, "get">,
  wanted: { readonly name: string; readonly version?: number | undefined },
): Promise<DownloadedLink> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const file = await client.get(wanted, (chunk, _, file) => {
    // Nothing of a file of any size is kept in memory.
    if (file.entry === "link") chunks.push(chunk.slice());
    return Promise.resolve();
  });
  checkKind(file, "link");
  const target = linkTarget(concatBytes(...chunks));
  if (target !== undefined) return { file, target };
  throw new ProtocolError(
    "unexpected-answer",
    `the server sent an invalid target for the link ${printable(file.name)}`,
  );
}
