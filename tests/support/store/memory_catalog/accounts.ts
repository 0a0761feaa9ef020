import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import {
  type Account,
  type Accounts,
  type LoginFault,
  type LoginResult,
  mayYield,
  PROTOCOL_4,
  type RegisterV3,
  type StoredProfile,
} from "../../../../server/catalog/accounts.ts";
import { MAX_INVITATIONS, MAX_KEYS, MAX_LINKS } from "../../../../server/catalog/bounds.ts";
import type { Token, Tokens } from "../../../../server/catalog/tokens.ts";
import { registeredEvent } from "../../../../server/catalog/hook_events.ts";
import { queueHook } from "./hooks.ts";
import { compareText, isOfProtocol4, sameBytes, type State, usageOf } from "./state.ts";

/** The time for which an invalid token stays known, in milliseconds: 30 days. */
const REMEMBERED_MS = 30 * 24 * 60 * 60_000;

export function accountsOf(state: State): Accounts {
  const named = (name: string) => state.accounts.find((account) => account.name === name);
  const drop = (name: string) => {
    state.accounts = state.accounts.filter((account) => account.name !== name);
  };
  const add = ({ id, name, now, storedProfile }: NewAccount, publicKey?: Bytes): Account => {
    if (state.account(id) !== undefined) throw new Error("an account has this id");
    const seen = { firstSeen: now, lastSeen: now };
    const row = {
      id,
      name,
      publicKey,
      ...seen,
      storedProfile,
      disabled: false,
      quota: {},
      access: "full" as const,
    };
    state.accounts = [...state.accounts, { ...row, keys: [] }];
    const protocol = storedProfile.edition === PROTOCOL_4 ? 4 : 3;
    queueHook(state, id, "registered", (by) => registeredEvent(by, protocol, now));
    return row;
  };
  const hasKey = (id: Bytes, key: Bytes) =>
    state.account(id)?.keys.some((known) => equalBytes(known.key, key)) === true;
  const addKey = (id: Bytes, key: Bytes, now: number) =>
    state.change(id, { keys: [...state.account(id)?.keys ?? [], { key, addedAt: now }] });
  /** Adds a key to an account, which belongs to protocol 4 from then on. */
  const bind = (account: Account, key: Bytes, now: number): LoginFault | undefined => {
    if (account.disabled) return "disabled";
    if ((state.account(account.id)?.keys.length ?? 0) >= MAX_KEYS) return "too-many-keys";
    const storedProfile = { edition: PROTOCOL_4, quirks: [] };
    state.change(account.id, { storedProfile, publicKey: undefined, lastSeen: now });
    addKey(account.id, key, now);
    return undefined;
  };
  const login = (id: Bytes, how: LoginResult["how"]): LoginResult | LoginFault => {
    const account = state.account(id) as Account;
    return how === "known" && account.disabled ? "disabled" : { account, how };
  };
  const use = (token: Token) => {
    state.tokens = state.tokens.map((one) =>
      one === token ? { ...one, usesLeft: one.usesLeft - 1, used: one.used + 1 } : one
    );
  };
  const usable = (hash: Bytes, now: number): Token | LoginFault => {
    const token = state.tokens.find((one) => equalBytes(one.hash, hash));
    if (token === undefined) return "token-unknown";
    if (token.usesLeft <= 0) return "token-used-up";
    return token.expiresAt <= now ? "token-expired" : token;
  };

  return {
    registerV3: (registration) =>
      state.atomically(() => {
        const holder = named(registration.name);
        if (holder !== undefined) {
          const { expiredBefore, claimedIds } = registration;
          if (!mayYield(holder, expiredBefore, claimedIds)) return false;
          drop(holder.name);
        }
        add(registration);
        return true;
      }),
    setPublicKey: ({ id, name, publicKey, now, storedProfile, expiredBefore, reservedFor }) =>
      state.atomically(() => {
        const account = state.account(id);
        const isIts = account?.name === name;
        if (isIts && isOfProtocol4(account)) return "unknown";
        if (isIts && account.disabled) return "disabled";
        if (isIts && (account.publicKey !== undefined || account.firstSeen >= expiredBefore)) {
          state.change(id, { publicKey, lastSeen: now });
          const before = account.publicKey;
          return before === undefined || equalBytes(before, publicKey) ? "set" : "replaced";
        }
        if (reservedFor === undefined) return "unknown";
        const holder = named(name);
        if (holder !== undefined && !mayYield(holder, expiredBefore, [reservedFor])) {
          return "unknown";
        }
        drop(name);
        add({ id, name, now, storedProfile }, publicKey);
        return "set";
      }),
    registerV4: ({ id, name, key, now, expiredBefore, registration, token: hash }) =>
      state.atomically(() => {
        const holder = named(name);
        if (holder !== undefined && hasKey(holder.id, key)) return login(holder.id, "known");
        const token = hash && usable(hash, now);
        if (typeof token === "string") return token;
        if (token?.accountId !== undefined) {
          const account = state.account(token.accountId);
          if (account?.name !== name) return "token-of-another";
          const fault = bind(account, key, now);
          if (fault !== undefined) return fault;
          use(token);
          return login(account.id, "linked");
        }
        if (registration === "closed") return "closed";
        if (registration === "invite" && token === undefined) return "invitation-needed";
        if (holder !== undefined && !mayYield(holder, expiredBefore, [])) return "name-taken";
        drop(name);
        add({ id, name, now, storedProfile: { edition: PROTOCOL_4, quirks: [] } });
        addKey(id, key, now);
        if (token !== undefined) use(token);
        return login(id, "registered");
      }),
    takeOver: ({ id, name, publicKey, key, now }) =>
      state.atomically(() => {
        const account = state.account(id);
        if (account?.name !== name) return "no-such-account";
        if (hasKey(id, key)) return login(id, "known");
        if (isOfProtocol4(account)) return "claimed-already";
        if (!sameBytes(account.publicKey, publicKey)) return "no-such-account";
        return bind(account, key, now) ?? login(id, "claimed");
      }),
    find: (by) => state.atomically(() => "id" in by ? state.account(by.id) : named(by.name)),
    list: () =>
      state.atomically(() =>
        state.accounts.toSorted((a, b) => compareText(a.name, b.name)).map((account) => {
          const files = state.filesOf(account.id).map(({ file }) => file);
          return {
            ...account,
            protocol: isOfProtocol4(account) ? 4 : 3,
            keys: account.keys.length,
            usage: usageOf(files.filter((file) => file.current)),
            history: usageOf(files.filter((file) => !file.current)),
          };
        })
      ),
    touch: (id, now) => state.atomically(() => state.change(id, { lastSeen: now })),
    setProfile: (id, storedProfile) =>
      state.atomically(() => {
        const account = state.account(id);
        if (account !== undefined && !isOfProtocol4(account)) state.change(id, { storedProfile });
      }),
    update: (id, changes) =>
      state.atomically(() => {
        const account = state.account(id);
        if (account === undefined) return "missing";
        const holder = changes.name === undefined ? undefined : named(changes.name);
        if (holder !== undefined && holder !== account) return "name-taken";
        const { quota, ...others } = changes;
        const limits = Object.entries({ ...account.quota, ...quota })
          .filter(([, limit]) => limit !== "default");
        state.change(id, { ...others, quota: Object.fromEntries(limits) });
        if (changes.disabled === true) state.dropLinks(id);
        return "updated";
      }),
    removeKey: (id, key) =>
      state.atomically(() => {
        const keys = state.account(id)?.keys ?? [];
        const left = keys.filter((known) => !equalBytes(known.key, key));
        state.change(id, { keys: left });
        state.dropLinks(id);
        return left.length < keys.length;
      }),
    revocations: (principals) =>
      state.atomically(() => principals.map((principal) => state.revocation(principal))),
    remove: (id) =>
      state.atomically(() => {
        state.accounts = state.accounts.filter((account) => !equalBytes(account.id, id));
        state.dropLinks(id);
        return [...state.dropFiles(state.filesOf(id)), ...state.dropUploads(state.uploadsOf(id))];
      }),
    expireRegistrations: (before) =>
      state.atomically(() => {
        state.accounts = state.accounts.filter((account) =>
          account.publicKey !== undefined || isOfProtocol4(account) || account.firstSeen >= before
        );
      }),
  };
}

export function tokensOf(state: State): Tokens {
  const isOpen = ({ accountId, usesLeft, expiresAt }: Token, now: number) =>
    accountId === undefined && usesLeft > 0 && expiresAt > now;
  const newestFirst = (a: Token, b: Token) => b.madeAt - a.madeAt;

  return {
    add: (token, by) =>
      state.atomically(() => {
        const { accountId, madeAt } = token;
        if (accountId !== undefined && by !== undefined) {
          if (state.revocation({ accountId, key: by }) !== undefined) return false;
        }
        state.tokens = state.tokens.filter(({ expiresAt }) => expiresAt >= madeAt - REMEMBERED_MS);
        if (accountId !== undefined) {
          const links = state.tokens.filter((other) => sameBytes(other.accountId, accountId));
          const surplus = links.toReversed().toSorted(newestFirst).slice(MAX_LINKS - 1);
          state.tokens = state.tokens.filter((other) => !surplus.includes(other));
        } else {
          const open = state.tokens.filter((other) => isOpen(other, madeAt));
          if (open.length >= MAX_INVITATIONS) return false;
        }
        state.tokens = [...state.tokens, token];
        return true;
      }),
    invitations: (now) =>
      state.atomically(() =>
        state.tokens.filter((token) => isOpen(token, now)).toSorted((a, b) => a.madeAt - b.madeAt)
      ),
    remove: (hash) =>
      state.atomically(() => {
        state.tokens = state.tokens.filter((token) => !equalBytes(token.hash, hash));
      }),
  };
}

type NewAccount = Pick<RegisterV3, "id" | "name" | "now"> & {
  readonly storedProfile: StoredProfile;
};
