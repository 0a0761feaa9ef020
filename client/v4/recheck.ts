/**
 * A chunk that was damaged when it arrived: asks the server whether its copy is, so that it records that.
 *
 * @module
 */
import { IntegrityError, RefusedError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { RemoteFile } from "./remote_file.ts";
import type { RequestMux } from "./request_mux.ts";

/** The content that the server sent is not that of the file. `offset`: of the damaged chunk, if it is only one. */
export class DamagedContentError extends IntegrityError {
  readonly file: Pick<RemoteFile, "name" | "version">;
  readonly offset: number | undefined;

  constructor(file: Pick<RemoteFile, "name" | "version">, offset?: number) {
    const what = `the server sent damaged content for ${printable(file.name)}`;
    super("not-what-was-stored", what, {
      hint: "Ask the server's operator to run 'xfer server verify'.",
    });
    this.file = file;
    this.offset = offset;
  }
}

/**
 * Returns the error of a download, after the server has checked the chunk that was damaged: `RefusedError` `damaged` if
 * the server's copy is damaged, else the same error. `connected`: runs work with a connection.
 */
export async function explainDamage(
  error: unknown,
  connected: (work: (mux: RequestMux) => Promise<void>) => Promise<void>,
): Promise<unknown> {
  if (!(error instanceof DamagedContentError) || error.offset === undefined) return error;
  const { file: { name, version }, offset } = error;
  try {
    await connected(async (mux) => {
      await mux.askFor({ kind: "recheck", tag: mux.nextTag(), name, version, offset }, "done");
    });
  } catch (answer) {
    if (answer instanceof RefusedError && answer.code === "damaged") return answer;
  }
  return error;
}
