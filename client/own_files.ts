/**
 * Files of xfer's own in an identity's folder, which don't go to a server with the others: some prove who the client is.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { printable, UsageError } from "../protocol/mod.ts";
import { LOCK_FILE } from "./file_lock.ts";
import { EDITION_FILE, IDENTITY_FILE, KEY_FILE } from "./identity.ts";
import { STORED_FILE } from "./last_stored.ts";
import { TRANSFER_INFO } from "./transfer_info.ts";
import { ACCOUNT_FILE, ACCOUNT_KEY_FILE } from "./v4/account.ts";
import { KNOWN_SERVERS } from "./v4/known_servers.ts";

/** With a private key in them. */
const SECRET = [ACCOUNT_KEY_FILE, IDENTITY_FILE, KEY_FILE];
const OWN = [
  ...SECRET,
  ...[ACCOUNT_FILE, LOCK_FILE, STORED_FILE, EDITION_FILE, KNOWN_SERVERS, TRANSFER_INFO],
];

/** What is behind the name of a copy that is kept, and of a file that is not written to its end. */
const COPY = /\.(?:old\d*|[0-9a-f-]{36}\.tmp)$/;

const isOneOf = (names: readonly string[], name: string) => names.includes(name.replace(COPY, ""));

export class OwnFiles {
  readonly #folder: string | undefined;

  private constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** Those of an identity's folder, wherever links lead to it. */
  static async of(identityFolder: string): Promise<OwnFiles> {
    return new OwnFiles(await realPath(identityFolder));
  }

  /** Which names in a folder are of files of xfer's own. `root` is a real path, from which no link leads to `folder`. */
  in(root: string | undefined, folder: string): (name: string) => boolean {
    const isIt = root !== undefined && join(root, folder) === this.#folder;
    return (name) => isIt && isOneOf(OWN, name);
  }

  /** Throws `UsageError` `own-key` for a path that leads to a private key of the identity. */
  async refuseKey(path: string): Promise<void> {
    const real = await realPath(path);
    if (real === undefined || dirname(real) !== this.#folder) return;
    if (!isOneOf(SECRET, basename(real))) return;
    throw new UsageError(
      "own-key",
      `Cannot send ${printable(path)}: it proves who you are, and is nobody else's`,
      {
        hint: "For a copy of it, use another way than the server that it is for. For another " +
          "machine of yours: xfer client link.",
      },
    );
  }
}

/** `undefined` where there is nothing: that is told by who opens it. */
export async function realPath(path: string): Promise<string | undefined> {
  return await Deno.realPath(path).catch(() => undefined);
}
