/**
 * Uses of files by clients, one by one, for an access log. The log of the server groups small files, and suppresses
 * lines that a peer can cause at will.
 *
 * @module
 */

/** A kind of use. */
export type AccessMethod = "get" | "put" | "remove" | "rename" | "restore";

/** A file that a client has stored, downloaded or changed, or could not. */
export interface Access {
  /** The kind of use. */
  readonly method: AccessMethod;
  /** The protocol of the client. */
  readonly protocol: 3 | 4;
  /** The user name. */
  readonly user: string;
  /** `HOST:PORT` of the client. */
  readonly address: string;
  /** As the client has sent it: not safe to print. */
  readonly name: string;
  /** The new name of a rename. */
  readonly newName?: string;
  /** The bytes of its content that were transferred. */
  readonly bytes: number;
  /** Whether only a part of the file was requested. */
  readonly isPart?: boolean;
  /** The code of the error, if it failed; `interrupted` if the client disconnected. */
  readonly code?: string;
}

/** Gets each access when it has ended. It must not throw or take long. */
export type AccessListener = (access: Access) => void;
