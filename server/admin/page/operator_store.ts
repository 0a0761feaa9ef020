/**
 * The stores of a running server, as its operator reads and changes them through the page.
 *
 * @module
 */
import { printable } from "../../../protocol/printable.ts";
import { fingerprintOfKey } from "../../../protocol/v4/fingerprint.ts";
import { INVITATION_LIFE_MS, makeToken, type NewToken } from "../../accounts/tokens.ts";
import type { AccountSummary, AccountWithKeys, Quota } from "../../catalog/accounts.ts";
import type { StoredFile } from "../../catalog/files.ts";
import type { BlobId } from "../../blobs/blob_store.ts";
import { isShared } from "../../catalog/shared_catalog.ts";
import type { Context } from "../../context.ts";
import { idOf } from "../../accounts/tokens.ts";
import { keepsHistory, trimHistory } from "../../uploads/history.ts";
import { quotaOfAll } from "../../uploads/quota_reservations.ts";
import type { Invitation } from "../../operator/invitations.ts";
import type { ShownKey } from "./pages.ts";

/** The most removed files of a user on the page. */
const MAX_REMOVED = 100;
/** The number of largest files, how many files one look-up reads, and how long the result is used again. */
const TOP = 20;
const PAGE = 1000;
const FRESH_MS = 10 * 60_000;

export interface OwnedFile {
  readonly user: string;
  readonly file: StoredFile;
}

/** The operator asked for something that does not exist, or cannot be done. The message is for them. */
export class ActionError extends Error {}

export class OperatorStore {
  readonly #context: Context;
  #largest: { readonly at: number; readonly files: Promise<readonly OwnedFile[]> } | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  accounts(): Promise<AccountSummary[]> {
    return this.#catalog.accounts.list();
  }

  /** The names of the servers that share the catalog; empty if only one can use it. */
  async servers(): Promise<string[]> {
    const catalog = this.#catalog;
    if (!isShared(catalog)) return [];
    return (await catalog.nodes.running()).map(({ name }) => printable(name));
  }

  /** Throws `ActionError`. */
  async account(name: string): Promise<AccountSummary> {
    const account = (await this.accounts()).find((one) => one.name === name);
    if (account === undefined) throw new ActionError(`No user is called ${printable(name)}.`);
    return account;
  }

  async keys(name: string): Promise<ShownKey[]> {
    const { keys } = await this.#found(name);
    return await Promise.all(
      keys.map(async ({ key, addedAt }) => ({ fingerprint: await fingerprintOfKey(key), addedAt })),
    );
  }

  async removed(name: string): Promise<readonly StoredFile[]> {
    const { id } = await this.#found(name);
    const page = { prefix: "", after: "", limit: MAX_REMOVED };
    return (await this.#catalog.files.listRemoved(id, page)).files;
  }

  /** The largest files of all accounts, the largest first. Reads the whole catalog, at most every ten minutes. */
  largest(): Promise<readonly OwnedFile[]> {
    const now = this.#context.ticks();
    if (this.#largest === undefined || now - this.#largest.at > FRESH_MS) {
      const files = this.#findLargest();
      this.#largest = { at: now, files };
      files.catch(() => this.#largest = undefined);
    }
    return this.#largest.files;
  }

  async setDisabled(name: string, disabled: boolean): Promise<void> {
    const { id } = await this.#found(name);
    await this.#catalog.accounts.update(id, { disabled });
  }

  async setQuota(name: string, quota: Quota): Promise<void> {
    const { id } = await this.#found(name);
    await this.#catalog.accounts.update(id, { quota });
  }

  /** Throws `ActionError` for the last key, without which nobody could sign in. */
  async removeKey(name: string, fingerprint: string): Promise<void> {
    const { id, keys } = await this.#found(name);
    if (keys.length < 2) {
      throw new ActionError("This is the last key of the account. Disable the account instead.");
    }
    for (const { key } of keys) {
      if (await fingerprintOfKey(key) !== fingerprint) continue;
      await this.#catalog.accounts.removeKey(id, key);
      return;
    }
    throw new ActionError("The account has no such key.");
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
    const lifeMs = Math.round(days * INVITATION_LIFE_MS / 7);
    return makeToken(this.#catalog, { label, uses, lifeMs }, this.#context.clock());
  }

  async invitations(): Promise<Invitation[]> {
    const tokens = await this.#catalog.tokens.invitations(this.#context.clock());
    return tokens.map(({ label, used, usesLeft, madeAt, expiresAt, hash }) => ({
      ...{ id: idOf({ hash }), label, used, usesLeft, madeAt, expiresAt },
    }));
  }

  /** Throws `ActionError`. */
  async revokeInvitation(id: string): Promise<void> {
    const tokens = await this.#catalog.tokens.invitations(this.#context.clock());
    const token = tokens.find((one) => idOf(one) === id);
    if (token === undefined) throw new ActionError("The invitation is used up or revoked.");
    await this.#catalog.tokens.remove(token.hash);
  }

  get #catalog() {
    return this.#context.store.catalog;
  }

  async #found(name: string): Promise<AccountWithKeys> {
    const account = await this.#catalog.accounts.find({ name });
    if (account === undefined) throw new ActionError(`No user is called ${printable(name)}.`);
    return account;
  }

  async #findLargest(): Promise<readonly OwnedFile[]> {
    let largest: StoredFile[] = [];
    let after: BlobId | undefined;
    for (;;) {
      const files = await this.#catalog.files.scan(after, PAGE);
      largest = [...largest, ...files].sort((a, b) => b.size - a.size).slice(0, TOP);
      after = files.at(-1)?.content.id;
      if (files.length < PAGE) break;
    }
    return await Promise.all(largest.map(async (file) => {
      const account = await this.#catalog.accounts.find({ id: file.accountId });
      return { user: account?.name ?? "", file: { ...file, name: printable(file.name) } };
    }));
  }
}
