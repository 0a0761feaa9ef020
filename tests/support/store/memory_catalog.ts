/** A catalog in memory: the contract of a catalog in little code. */
import type { BlobReferences } from "../../../server/catalog/blob_references.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import type { CheckRounds } from "../../../server/catalog/check_rounds.ts";
import type { PartialUploadRows } from "../../../server/catalog/partial_uploads.ts";
import { packedFilesOver } from "../../../server/catalog/packs_over_files.ts";
import type { Repairs } from "../../../server/catalog/repairs.ts";
import { accountsOf, tokensOf } from "./memory_catalog/accounts.ts";
import { hooksOf } from "./memory_catalog/hooks.ts";
import { filesOf } from "./memory_catalog/files.ts";
import { compareText, State } from "./memory_catalog/state.ts";

export function memoryCatalog(): Catalog {
  const state = new State();
  const [files, uploads] = [filesOf(state), uploadsOf(state)];
  return {
    accounts: accountsOf(state),
    tokens: tokensOf(state),
    files: { ...files, ...packedFilesOver({ files, uploads }) },
    uploads,
    blobs: blobsOf(state),
    repairs: repairsOf(state),
    checks: checksOf(state),
    hooks: hooksOf(state),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function uploadsOf(state: State): PartialUploadRows {
  return {
    save: (partial, { max, quota }) =>
      state.atomically(() => {
        const { accountId, name, id: path } = partial;
        const owner = state.account(accountId);
        if (owner === undefined) throw new Error("Cannot record an upload: its owner is not there");
        const own = state.uploadsOf(accountId);
        const replaced = own.filter((other) => other.name === name);
        const surplus = own.filter((other) => other.name !== name).toReversed()
          .toSorted((a, b) => b.updatedAt - a.updatedAt).slice(Math.max(0, max - 1));
        const gone = [...replaced, ...surplus];
        state.uploads = state.uploads.filter((other) => !gone.includes(other));
        if (state.uploads.some((other) => other.id === path)) {
          throw new Error("Cannot record an upload: it is recorded under another name");
        }
        state.uploads = [...state.uploads, partial];
        state.checkQuota(accountId, quota, { ...owner.quota, files: Infinity });
        state.endGarbage(path);
        const garbage = gone.map((other) => other.id).filter((other) => other !== path);
        state.makeGarbage(garbage);
        return garbage;
      }),
    find: (owner, name) =>
      state.atomically(() => state.uploadsOf(owner).find((upload) => upload.name === name)),
    remove: (owner, name, id) =>
      state.atomically(() =>
        state.dropUploads(
          state.uploadsOf(owner).filter((upload) =>
            upload.name === name && (id === undefined || upload.id === id)
          ),
        )
      ),
    expire: (before, limit) =>
      state.atomically(() =>
        state.dropUploads(
          state.uploads.filter(({ updatedAt }) => updatedAt < before)
            .toSorted((a, b) => a.updatedAt - b.updatedAt).slice(0, limit),
        )
      ),
    scan: (after, limit) =>
      state.atomically(() =>
        state.uploads.map(({ accountId, name, id, durableBytes }) => ({
          accountId,
          name,
          id,
          durableBytes,
        }))
          .filter(({ id }) => after === undefined || compareText(id, after) > 0)
          .toSorted((a, b) => compareText(a.id, b.id)).slice(0, limit)
      ),
  };
}

function blobsOf(state: State): BlobReferences {
  return {
    reserve: (id) =>
      state.atomically(() => {
        if (state.garbage.includes(id)) return;
        state.makeGarbage([id]);
        state.reserved = [...state.reserved, id];
      }),
    owner: (id) =>
      state.atomically(() => {
        if (state.files.some(({ file }) => file.content.id === id)) return "file";
        if (state.uploads.some((upload) => upload.id === id)) return "upload";
        return state.garbage.includes(id) ? "garbage" : undefined;
      }),
    garbage: (after, limit, which = "all") =>
      state.atomically(() =>
        state.garbage.filter((id) => which === "all" || !state.reserved.includes(id))
          .filter((id) => after === undefined || compareText(id, after) > 0)
          .toSorted(compareText).slice(0, limit)
      ),
    collected: (ids) =>
      state.atomically(() => {
        for (const id of ids) state.endGarbage(id);
      }),
  };
}

function repairsOf(state: State): Repairs {
  return {
    begin: (repair) =>
      state.atomically(() => {
        const others = state.repairs.filter(({ path }) => path !== repair.path);
        state.repairs = [...others, repair];
      }),
    list: () => state.atomically(() => [...state.repairs]),
    end: (id, { isRestored } = { isRestored: false }) =>
      state.atomically(() => {
        if (!isRestored) state.files = state.files.filter(({ file }) => file.content.id !== id);
        state.repairs = state.repairs.filter(({ path }) => path !== id);
      }),
  };
}

function checksOf(state: State): CheckRounds {
  return {
    begin: (startedAt, isRequested) =>
      state.atomically(() => {
        const round = {
          ...{ id: (state.rounds[0]?.id ?? 0) + 1, startedAt, isRequested },
          ...{ files: 0, bytes: 0, damaged: 0, unreadable: 0 },
        };
        state.rounds = [round, ...state.rounds.filter(({ endedAt }) => endedAt !== undefined)];
        return round;
      }),
    save: (round) =>
      state.atomically(() => {
        const [newest, ...others] = state.rounds;
        if (newest?.id !== round.id || newest.endedAt !== undefined) return false;
        state.rounds = [{ ...round }, ...(round.endedAt === undefined ? others : [])];
        return true;
      }),
    list: () => state.atomically(() => [...state.rounds]),
  };
}
