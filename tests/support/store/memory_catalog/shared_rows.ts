/** State of protocol 3 that servers share, in memory: the contract of its rows in little code. */
import { type Bytes, equalBytes, toHex } from "../../../../protocol/bytes.ts";
import type { BlobReferences } from "../../../../server/catalog/blob_references.ts";
import type { FoundParked, ParkedRows } from "../../../../server/catalog/parked_rows.ts";
import type { Dispute, ReservedId } from "../../../../server/catalog/shared_state.ts";
import type { StateKind, StateRows } from "../../../../server/catalog/state_rows.ts";
import type {
  ClientConnection,
  UnverifiedRow,
  UnverifiedRows,
} from "../../../../server/catalog/unverified_rows.ts";

interface Entry {
  readonly value: unknown;
  at: number;
}

interface Waiting {
  file: UnverifiedRow;
  isComing?: boolean;
  readonly from: ClientConnection;
  readonly openedAt: number;
  readonly at: number;
}

export interface SharedRows {
  readonly state: StateRows;
  readonly unverified: UnverifiedRows;
  readonly parked: ParkedRows;
  /** Whether a blob belongs to a file that waits. */
  readonly isWaiting: (id: string) => boolean;
}

/** `now`: milliseconds by the catalog's clock. */
export function sharedRows(blobs: BlobReferences, now: () => number): SharedRows {
  const files: Waiting[] = [];
  return {
    state: stateOf(now),
    unverified: unverifiedOf(files, blobs, now),
    parked: parkedOf(now),
    isWaiting: (id) => files.some(({ file }) => file.content?.id === id),
  };
}

function stateOf(now: () => number): StateRows {
  const kinds: StateKind[] = ["registrations", "sessions", "reservedIds", "disputes"];
  /** Oldest first. */
  const maps = Object.fromEntries(kinds.map((kind) => [kind, new Map<string, Entry>()])) as Record<
    StateKind,
    Map<string, Entry>
  >;
  const put = (kind: StateKind, key: string, value: unknown) => {
    maps[kind].delete(key);
    maps[kind].set(key, { value, at: now() });
  };
  const live = <T>(kind: StateKind, key: string, ttlMs: number) => {
    const entry = maps[kind].get(key);
    return entry !== undefined && entry.at > now() - ttlMs ? entry.value as T : undefined;
  };
  const cut = (kind: StateKind, max: number) => {
    const surplus = Math.max(0, maps[kind].size - max);
    for (const key of [...maps[kind].keys()].slice(0, surplus)) maps[kind].delete(key);
  };
  const disputed = (accountId: Bytes, name: string) => `${toHex(accountId)} ${name}`;
  return {
    countRegistration(origin, ttlMs) {
      const count = live<{ count: number }>("registrations", origin, ttlMs);
      if (count === undefined) put("registrations", origin, { count: 1 });
      return Promise.resolve(count === undefined ? 1 : ++count.count);
    },
    setSession: (id, key) => Promise.resolve(put("sessions", toHex(id), key.slice())),
    findSession(id, ttlMs) {
      const key = live<Bytes>("sessions", toHex(id), ttlMs);
      if (key !== undefined) put("sessions", toHex(id), key);
      return Promise.resolve(key);
    },
    deleteSession: (id) => Promise.resolve(void maps.sessions.delete(toHex(id))),
    reserveId(id, reserved, max) {
      put("reservedIds", toHex(id), reserved);
      return Promise.resolve(cut("reservedIds", max));
    },
    reservedId: (id, ttlMs) => Promise.resolve(live<ReservedId>("reservedIds", toHex(id), ttlMs)),
    reservedFor: (name, ttlMs) =>
      Promise.resolve(
        [...maps.reservedIds.keys()].flatMap((key) =>
          live<ReservedId>("reservedIds", key, ttlMs) ?? []
        )
          .filter((reserved) => reserved.name === name),
      ),
    deleteReserved(name) {
      for (const [key, { value }] of [...maps.reservedIds]) {
        if ((value as ReservedId).name === name) maps.reservedIds.delete(key);
      }
      return Promise.resolve();
    },
    setDispute: (id, name, dispute) =>
      Promise.resolve(put("disputes", disputed(id, name), dispute)),
    findDispute: (id, name, ttlMs) =>
      Promise.resolve(live<Dispute>("disputes", disputed(id, name), ttlMs)),
    deleteDispute: (id, name) => Promise.resolve(void maps.disputes.delete(disputed(id, name))),
    sweepState(bounds) {
      for (const kind of kinds) {
        for (const [key, { at }] of [...maps[kind]]) {
          if (at <= now() - bounds[kind].ttlMs) maps[kind].delete(key);
        }
        cut(kind, bounds[kind].max);
      }
      return Promise.resolve();
    },
  };
}

function unverifiedOf(
  files: Waiting[],
  blobs: BlobReferences,
  now: () => number,
): UnverifiedRows {
  /** Removes files, and returns their blobs, which are listed as garbage. */
  const drop = async (dropped: readonly UnverifiedRow[]) => {
    const kept = files.filter(({ file }) => !dropped.includes(file));
    files.splice(0, files.length, ...kept);
    const ids = dropped.flatMap(({ content }) => content?.kind === "blob" ? [content.id] : []);
    for (const id of ids) await blobs.reserve(id);
    return ids;
  };
  const of = (accountId: Bytes) =>
    files.filter(({ file }) => equalBytes(file.accountId, accountId));
  const isSame = (one: ClientConnection, other: ClientConnection) =>
    one.server === other.server && one.connection === other.connection;
  const incomplete = (accountId: Bytes, name: string, from: ClientConnection) =>
    of(accountId).find((one) =>
      one.file.name === name && isSame(one.from, from) && one.file.content === undefined
    );
  return {
    async add(file, from, max) {
      const resent = of(file.accountId).filter((other) =>
        other.file.name === file.name && isSame(other.from, from)
      );
      const garbage = await drop(resent.map((one) => one.file));
      files.push({ file, from, openedAt: now() - from.ageMs, at: now() });
      if (file.content !== undefined) await blobs.collected([file.content.id]);
      const own = of(file.accountId).map((one) => one.file)
        .toSorted((a, b) => Number(a.hasKey) - Number(b.hasKey));
      return [...garbage, ...await drop(own.slice(0, Math.max(0, own.length - max)))];
    },
    async take(accountId, name, on) {
      const own = of(accountId).filter(({ from }) => isSame(from, on));
      const isEarlier = ({ from, openedAt }: Waiting) =>
        from.server === on.server ? from.connection <= on.connection : openedAt <= now() - on.ageMs;
      const isNamed = ({ file }: Waiting) => file.name === name;
      const found = name === "" ? own.length === 1 ? own[0] : undefined : own.findLast(isNamed) ??
        of(accountId).findLast((one) => isNamed(one) && isEarlier(one));
      if (found === undefined) return undefined;
      const { content } = found.file;
      if (content === undefined) return found.isComing ? "coming" : "bound";
      await drop([found.file]);
      return { ...found.file, content };
    },
    markComing(accountId, name, from) {
      Object.assign(incomplete(accountId, name, from) ?? {}, { isComing: true });
      return Promise.resolve();
    },
    async complete(file, from) {
      const found = incomplete(file.accountId, file.name, from);
      if (found === undefined) return false;
      found.file = file;
      await blobs.collected([file.content.id]);
      return true;
    },
    async forget(accountId, name, from) {
      const found = incomplete(accountId, name, from);
      if (found !== undefined) await drop([found.file]);
    },
    async expire(ttlMs) {
      return await drop(files.filter(({ at }) => at <= now() - ttlMs).map(({ file }) => file));
    },
  };
}

function parkedOf(now: () => number): ParkedRows {
  interface Parked {
    readonly file: Omit<FoundParked, "packets" | "bytes">;
    readonly packets: Bytes[];
    at: number;
  }
  let ids = 0;
  /** Oldest first. */
  let all: Parked[] = [];
  const of = (accountId: Bytes) => all.filter(({ file }) => equalBytes(file.accountId, accountId));
  const find = (id: number) => all.find(({ file }) => file.id === id);
  return {
    begin(file, packet, { max, maxPerAccount }) {
      const isSame = (other: Parked) =>
        equalBytes(other.file.accountId, file.accountId) && other.file.name === file.name;
      all = all.filter((other) => !isSame(other));
      all.push({ file: { ...file, id: ++ids }, packets: [packet], at: now() });
      const own = of(file.accountId);
      const surplus = own.slice(0, Math.max(0, own.length - maxPerAccount));
      all = all.filter((other) => !surplus.includes(other));
      all = all.slice(Math.max(0, all.length - max));
      return Promise.resolve();
    },
    find(accountId, name) {
      const found = of(accountId).find(({ file }) => file.name === name);
      if (found === undefined) return Promise.resolve(undefined);
      const bytes = found.packets.reduce((sum, { length }) => sum + length, 0);
      return Promise.resolve({ ...found.file, packets: found.packets.length, bytes });
    },
    append(id, number, packet) {
      const found = find(id);
      if (found?.packets.length !== number - 1) return Promise.resolve(false);
      found.packets.push(packet);
      found.at = now();
      return Promise.resolve(true);
    },
    packets: (id, after, limit) =>
      Promise.resolve(find(id)?.packets.slice(after, after + limit) ?? []),
    remove(id) {
      all = all.filter(({ file }) => file.id !== id);
      return Promise.resolve();
    },
    expire(ttlMs) {
      all = all.filter(({ at }) => at > now() - ttlMs);
      return Promise.resolve();
    },
  };
}
