/**
 * The stores of a running server, as its operator reads and changes them through the page.
 *
 * @module
 */
import { endAtServers, lookAtServers, type ServerState } from "../../control/server_reports.ts";
import { printable } from "../../../protocol/printable.ts";
import { makeToken, type NewToken } from "../../accounts/tokens.ts";
import type { AccountSummary, AccountWithKeys, Quota } from "../../catalog/accounts.ts";
import type { StoredFile } from "../../catalog/files.ts";
import { isShared } from "../../catalog/shared_catalog.ts";
import type { Context } from "../../context.ts";
import { keepsHistory, trimHistory } from "../../uploads/history.ts";
import { quotaOfAll } from "../../uploads/quota_reservations.ts";
import { type Invitation, openInvitations } from "../../operator/invitations.ts";
import { findLargest, type LargeFile } from "../../operator/usage.ts";
import { keysOf, type UserKey } from "../../operator/users.ts";
import { FreshValue } from "../../fresh_value.ts";

/** The most removed files of a user on the page. */
const MAX_REMOVED = 100;
/** The number of largest files, and how long they are used again. Finding them reads the whole catalog. */
const TOP = 20;
const FRESH_MS = 10 * 60_000;

const DAY_MS = 24 * 60 * 60_000;

/** An account with what can be changed about it. */
export interface OwnedAccount {
  readonly account: AccountSummary;
  readonly keys: readonly UserKey[];
  /** Removed files that can be restored. */
  readonly removed: readonly StoredFile[];
}

/** The operator asked for something that does not exist, or cannot be done. The message is for them. */
export class ActionError extends Error {}

/** The name of the page among operators that look at servers. */
const VIEWER = "page";

export class OperatorStore {
  readonly #context: Context;
  readonly #largest: FreshValue<readonly LargeFile[]>;

  constructor(context: Context) {
    this.#context = context;
    this.#largest = new FreshValue(
      () => findLargest(this.#catalog, TOP),
      ...[FRESH_MS, context.ticks] as const,
    );
  }

  accounts(): Promise<AccountSummary[]> {
    return this.#catalog.accounts.list();
  }

  /** The servers that share the catalog, with what they have reported; empty if only one can use it. */
  async servers(): Promise<ServerState[]> {
    const catalog = this.#catalog;
    return isShared(catalog) ? await lookAtServers(catalog.operators, VIEWER) : [];
  }

  /** Ends a connection at another server. Returns `false` if none has it. */
  async endElsewhere(id: string, operator: string): Promise<boolean> {
    const catalog = this.#catalog;
    return isShared(catalog) && await endAtServers(catalog.operators, id, operator);
  }

  /** Throws `ActionError`. */
  async user(name: string): Promise<OwnedAccount> {
    const found = await this.#found(name);
    const page = { prefix: "", after: "", limit: MAX_REMOVED };
    const [accounts, keys, { files: removed }] = await Promise.all([
      ...[this.accounts(), keysOf(found)] as const,
      this.#catalog.files.listRemoved(found.id, page),
    ]);
    const account = accounts.find((one) => one.name === name);
    if (account === undefined) throw noUser(name);
    return { account, keys, removed };
  }

  /** The largest files of all accounts, the largest first; at most ten minutes old. */
  largest(): Promise<readonly LargeFile[]> {
    return this.#largest.read();
  }

  async setDisabled(name: string, disabled: boolean): Promise<void> {
    const { id } = await this.#found(name);
    await this.#catalog.accounts.update(id, { disabled });
  }

  async setQuota(name: string, quota: Quota): Promise<void> {
    const { id } = await this.#found(name);
    const { bytes = "default", files = "default" } = quota;
    await this.#catalog.accounts.update(id, { quota: { bytes, files } });
  }

  /** Throws `ActionError` for the last key, without which nobody could sign in. */
  async removeKey(name: string, fingerprint: string): Promise<void> {
    const account = await this.#found(name);
    const keys = await keysOf(account);
    if (keys.length < 2) {
      throw new ActionError("This is the last key of the account. Disable the account instead.");
    }
    const found = keys.find((one) => one.fingerprint === fingerprint);
    if (found === undefined) throw new ActionError("The account has no such key.");
    await this.#catalog.accounts.removeKey(account.id, found.key);
  }

  /** Restores the newest version of a removed file. Throws `ActionError`, and as the catalog does. */
  async restore(name: string, file: string): Promise<void> {
    const { store: { catalog }, limits, clock, quotaReservations, garbage } = this.#context;
    const { id } = await this.#found(name);
    const restored = await catalog.files.restore(id, file, {
      ...{ now: clock(), quota: quotaOfAll(limits), keepHistory: keepsHistory(limits) },
    });
    if (restored === undefined) throw new ActionError("The file can no longer be restored.");
    quotaReservations.revoke(id, file, { isStored: true, isTree: true });
    await garbage.collect(restored.garbage);
    if (restored.hasSurplus) await trimHistory(this.#context, id);
  }

  invite({ label, uses, days }: {
    readonly label: string | undefined;
    readonly uses: number;
    readonly days: number;
  }): Promise<NewToken> {
    const options = { label, uses, lifeMs: days * DAY_MS };
    return makeToken(this.#catalog, options, this.#context.clock());
  }

  invitations(): Promise<readonly Invitation[]> {
    return openInvitations(this.#catalog, this.#context.clock());
  }

  /** Throws `ActionError`. */
  async revokeInvitation(id: string): Promise<void> {
    const open = await openInvitations(this.#catalog, this.#context.clock());
    const invitation = open.find((one) => one.id === id);
    if (invitation === undefined) throw new ActionError("The invitation is used up or revoked.");
    await this.#catalog.tokens.remove(invitation.hash);
  }

  get #catalog() {
    return this.#context.store.catalog;
  }

  async #found(name: string): Promise<AccountWithKeys> {
    const account = await this.#catalog.accounts.find({ name });
    if (account === undefined) throw noUser(name);
    return account;
  }
}

function noUser(name: string): ActionError {
  return new ActionError(`No user is called ${printable(name)}.`);
}
