/**
 * Hints for names that the server does not have.
 *
 * @module
 */
import { type ConnectionPool, isName } from "../../../client/mod.ts";
import { RefusedError, XferError } from "../../../protocol/errors.ts";
import { printable, shellNames } from "../../../protocol/printable.ts";
import { nearest } from "../../arguments/closest.ts";

type HintServer = Pick<ConnectionPool, "list" | "use">;

/** The most names in a folder that are compared with a missing one. */
const MAX_COMPARED = 10_000;

/**
 * Returns the error with a hint that fits: the name is a folder's (`ifFolder`), was removed, or is misspelled. Returns any
 * other error as it is.
 */
export async function explainMissing<E>(
  server: HintServer,
  name: string,
  error: E,
  { ifFolder }: { readonly ifFolder?: string | undefined } = {},
): Promise<E | RefusedError> {
  if (!(error instanceof RefusedError) || error.code !== "no-such-file") return error;
  const hint = await hintFor(server, name, ifFolder).catch((failure) => {
    if (failure instanceof XferError) return undefined; // the missing file matters more
    throw failure;
  });
  if (hint === undefined) return error;
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}

async function hintFor(
  server: HintServer,
  name: string,
  ifFolder: string | undefined,
): Promise<string | undefined> {
  if (ifFolder !== undefined && (await namesIn(server, `${name}/`)).length > 0) return ifFolder;
  if (await isName(server, name, true)) {
    return `To restore it, run 'xfer client restore ${shellNames(name)}'.`;
  }
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  const meant = nearest(name, await namesIn(server, folder)).map((near) => printable(near));
  return meant.length === 0 ? undefined : `Did you mean ${meant.join(" or ")}?`;
}

/** The names of one level. Throws `ProtocolError` `too-many-files`. */
async function namesIn(server: HintServer, prefix: string): Promise<string[]> {
  const names: string[] = [];
  const take = ({ name }: { readonly name: string }) => void names.push(name);
  await server.list(prefix, take, { scope: "level", max: MAX_COMPARED, takeDamaged: take });
  return names;
}
