/**
 * Compares everything that is stored with the catalog, and moves damaged files to the quarantine.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { BlobStore } from "../blobs/blob_store.ts";
import {
  isBackup,
  isOneFolder,
  type NamedStore,
  recordFound,
  type StoreLocation,
  withReadOnly,
  withRepairable,
} from "../stores/with_store.ts";
import { asRepairable, finishRepairs, quarantineFinding } from "../data_folder/quarantine.ts";
import { isSelfChecking } from "../catalog/catalog.ts";
import type { FoundDamage } from "../data_folder/with_data_folder.ts";
import { audit, type Finding } from "../data_folder/audit.ts";
import type { StorePart } from "../data_folder/store_part.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { OpenCatalog, Store } from "../data_folder/data_folder.ts";
import type { FileSystem } from "../fs/file_system.ts";
import type { StoreOpeners } from "../stores/open_stores.ts";

/** A difference between catalog and contents. */
export interface Verified {
  /** The difference. */
  readonly finding: Finding;
  /** The user name of the owner. */
  readonly user?: string;
  /**
   * The path in the quarantine, relative to the data folder or the prefix in the bucket, if `repair` moved a file
   * there.
   */
  readonly movedTo?: string;
}

/** The options of a verification. */
export interface VerifyOptions extends Abortable {
  /** Path of the data folder or where the data is instead, or a state of a backup. */
  readonly dataFolder: StoreLocation;
  /**
   * Moves damaged files to `quarantine/` in the data folder or the bucket, and removes them from the catalog. No server may
   * run on the folder; servers that share a catalog may. A backup cannot be repaired.
   */
  readonly repair?: boolean;
  /**
   * The part of all contents to verify, so that several processes or machines share the work; all by default. The
   * database itself is checked with the first part.
   */
  readonly part?: StorePart | undefined;
  /** Called with each difference. */
  readonly onFinding?: (verified: Verified) => void;
  /** Called with each file that was recorded as damaged and is intact. */
  readonly onIntact?: (file: StoredFile) => void;
  /** Called if the folder cannot be written. Damage is then not recorded. */
  readonly onNotRecorded?: (reason: string) => void;
  /** The file system of the data folder; `Deno` by default. */
  readonly fileSystem?: FileSystem;
  /** @internal */
  readonly openCatalog?: OpenCatalog;
  /** @internal */
  readonly openers?: StoreOpeners;
}

/** The result of a verification. */
export interface VerifyReport {
  /** The number of differences. */
  readonly findings: number;
  /** Whether everything was read. It was not if the signal was aborted. */
  readonly whole: boolean;
  /** Faults that the database reports about itself. They are never repaired. */
  readonly catalogFaults: readonly string[];
}

/** The number of files that are read at a time if each request crosses a network. */
const AT_ONCE_ELSEWHERE = 8;

/** Findings are recorded together up to this number … */
const PAGE = 100;
/**
 * … but after at most this many milliseconds. A full verification takes hours, and a file found damaged now may be
 * repaired before its end.
 */
const RECORDED_EVERY_MS = 1000;

/**
 * Reads every stored file, compares it with the catalog, and records damage there. With `repair`, moves damaged files to
 * the quarantine. Throws `ConfigurationError` `no-data-folder` or `no-backup`, and with `repair` `data-folder-in-use`,
 * `contents-missing`; `UsageError` `no-such-state`.
 */
export function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { dataFolder, repair = false, part, onFinding, onIntact, signal } = options;
  const { openers } = options;
  // Contents of a backup can belong to other states.
  const strays = !isBackup(dataFolder);
  const atOnce = isOneFolder(dataFolder) ? 1 : AT_ONCE_ELSEWHERE;
  const compare = (folder: NamedStore) => async (own?: Store) => {
    if (own !== undefined) await finishRepairs(own);
    const repairable = own && asRepairable(own);
    const catalogFaults =
      isSelfChecking(folder.catalog) && (part === undefined || part.number === 1)
        ? await folder.catalog.faults()
        : [];
    const isWithoutContents = repairable !== undefined && await isEmpty(repairable.blobs);
    let findings = 0;
    const toRecord: FoundDamage[] = [];
    let recordedAt = -Infinity;
    for await (const found of audit(folder, { contents: true, strays, atOnce, part, signal })) {
      if (found.kind === "confirmed") {
        toRecord.push({ content: found.file.content, confirmedAt: Date.now() });
      } else if (found.kind === "sound") {
        onIntact?.(found.file);
        toRecord.push({ content: found.file.content });
      } else {
        if (isWithoutContents && found.kind === "missing" && found.file.content.kind === "blob") {
          throw allMissing(folder);
        }
        findings++;
        const user = await userOf(folder, found);
        const movedTo = repairable && await quarantineFinding(repairable, found, user);
        onFinding?.({
          finding: found,
          ...(user === undefined ? {} : { user }),
          ...(movedTo === undefined ? {} : { movedTo }),
        });
        if (repairable === undefined && found.kind !== "stray" && found.damage !== undefined) {
          toRecord.push({ content: found.file.content, damage: found.damage });
        }
      }
      const now = performance.now();
      if (toRecord.length < PAGE && now - recordedAt < RECORDED_EVERY_MS) continue;
      recordedAt = now;
      await record(options, toRecord.splice(0));
    }
    await record(options, toRecord);
    return { findings, whole: signal?.aborted !== true, catalogFaults };
  };
  return withReadOnly(dataFolder, (folder) => {
    const work = compare(folder);
    return repair && !isBackup(dataFolder) ? withRepairable(dataFolder, work, options) : work();
  }, openers);
}

/** Records damage and intact files if the folder can be written. A backup is never changed. */
async function record(
  { dataFolder, onNotRecorded, openers }: VerifyOptions,
  found: readonly FoundDamage[],
): Promise<void> {
  try {
    await recordFound(dataFolder, found, openers);
  } catch (error) {
    const isDamage = found.some(({ confirmedAt }) => confirmedAt === undefined);
    if (isDamage) onNotRecorded?.(reasonOf(error));
  }
}

async function isEmpty(blobs: BlobStore): Promise<boolean> {
  for await (const _ of blobs.list()) return false;
  return true;
}

/** A repair would remove every file from the catalog, although its content may only be elsewhere. */
function allMissing({ name }: NamedStore): ConfigurationError {
  return new ConfigurationError(
    "contents-missing",
    `cannot repair ${printable(name)}: the contents of all files are missing`,
    {
      hint: "Mount the disk, correct --blobs, or restore a backup.",
    },
  );
}

async function userOf({ catalog }: NamedStore, finding: Finding): Promise<string | undefined> {
  if (finding.kind === "stray") return undefined;
  return (await catalog.accounts.find({ id: finding.file.accountId }))?.name;
}
