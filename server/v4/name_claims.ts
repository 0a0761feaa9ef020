/**
 * Claims of large uploads to their names, if servers share a catalog: only the newest upload of a name can be resumed. One
 * that resumes another one, which a different server still has open, waits until that server has suspended it.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { UnavailableError } from "../../protocol/errors.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { Usage } from "../catalog/accounts.ts";
import { nameKey } from "../catalog/name_key.ts";
import type { NameClaim, NameClaimRows } from "../catalog/shared_catalog.ts";
import type { DisconnectListener } from "../listen/peer_socket.ts";
import type { OpenUpload } from "./open_uploads.ts";

/** The interval at which a server asks which of its claims others want, in milliseconds. One query covers all. */
const WATCH_MS = 1000;
/** The interval at which an upload asks for a claim that another server has, in milliseconds. */
const RETRY_MS = 200;
/** The time for which it asks, in milliseconds: longer than the lease of a server. */
const PATIENCE_MS = 20_000;

/** Calls a listener when the client has disconnected, until the result is disposed of. */
type OnDisconnect = (listener: DisconnectListener) => Disposable;

/** The claim of an upload. */
export interface HeldClaim {
  /** The id with which checkpoints are recorded. */
  readonly id: Bytes;
  /** Tells other servers what the upload will add to its account. */
  reserve(usage: Usage): Promise<void>;
  /** Another upload can continue. Never rejects. */
  end(): Promise<void>;
}

/** The part of an upload that is claimed. */
export type Claimant =
  & Pick<OpenUpload, "id" | "accountId" | "suspendForSuccessor" | "loseName">
  & {
    readonly request: {
      readonly name: string;
      readonly size?: number | undefined;
      readonly resume: number;
    };
  };

/** Claims of one server. */
export class NameClaims {
  readonly #rows: NameClaimRows | undefined;
  readonly #held = new Map<string, Claimant>();
  /** Claims whose name others have taken. */
  readonly #lost = new Set<string>();
  /** Runs while claims are held. */
  #timer: ReturnType<typeof setInterval> | undefined;
  #isLooking = false;

  /** Without rows, the server is alone, and nothing is claimed. */
  constructor(rows: NameClaimRows | undefined) {
    this.#rows = rows;
  }

  /**
   * Claims the name of an upload; `undefined` if it need not be claimed. Throws `UnavailableError` `unavailable` if
   * another server does not suspend its upload, and what `onDisconnect` reports while this one waits.
   */
  async take(
    upload: Claimant,
    onDisconnect: OnDisconnect,
  ): Promise<HeldClaim | undefined> {
    const { id, accountId, request: { name, size, resume } } = upload;
    const rows = this.#rows;
    // Only whole chunks can be resumed.
    if (rows === undefined || size === undefined || size < CHUNK_SIZE) return undefined;
    const claim = { id, accountId, name: nameKey(name), resumes: resume !== 0 };
    if (!(await rows.take(claim))) await takeLater(rows, claim, onDisconnect);
    const key = toHex(id);
    this.#held.set(key, upload);
    this.#timer ??= setInterval(() => this.#look(rows), WATCH_MS);
    return {
      id,
      reserve: (usage) => rows.reserve(id, usage),
      end: async () => {
        this.#held.delete(key);
        this.#lost.delete(key);
        if (this.#held.size === 0) {
          clearInterval(this.#timer);
          this.#timer = undefined;
        }
        // If the catalog does not answer, the claim ends with the lease of this server.
        await rows.end(id).catch(() => undefined);
      },
    };
  }

  async #look(rows: NameClaimRows): Promise<void> {
    // A slow query is not repeated while it runs.
    if (this.#isLooking) return;
    this.#isLooking = true;
    // If the catalog does not answer, the next look tries again.
    const contested = await rows.contested().catch(() => []);
    this.#isLooking = false;
    for (const { id, isWanted, isCurrent } of contested) {
      const key = toHex(id);
      const upload = this.#held.get(key);
      if (upload === undefined) continue;
      if (isWanted) void upload.suspendForSuccessor();
      else if (!isCurrent && !this.#lost.has(key)) {
        this.#lost.add(key);
        void upload.loseName();
      }
    }
  }
}

/** Waits until another server has suspended its upload, and takes the claim. */
async function takeLater(
  rows: NameClaimRows,
  claim: NameClaim,
  onDisconnect: OnDisconnect,
): Promise<void> {
  let disconnected: Error | undefined;
  using _listening = onDisconnect((error) => disconnected = error);
  const end = performance.now() + PATIENCE_MS;
  do {
    if (disconnected !== undefined) throw disconnected;
    if (performance.now() >= end) throw elsewhere();
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  } while (!(await rows.take(claim)));
}

function elsewhere(): UnavailableError {
  return new UnavailableError(
    "unavailable",
    "another server still has an upload of this name open",
    { hint: "Try again later." },
  );
}
