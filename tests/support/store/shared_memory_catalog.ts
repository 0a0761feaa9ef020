/** A catalog in memory that several servers can connect to: the contract of a shared catalog in little code. */
import { type Bytes, toHex } from "../../../protocol/bytes.ts";
import type { UploadId } from "../../../server/blobs/blob_store.ts";
import type { Usage } from "../../../server/catalog/accounts.ts";
import type { BlobReferences } from "../../../server/catalog/blob_references.ts";
import {
  isImport,
  type JoinedNode,
  LeaseLost,
  type NameClaim,
  type NameClaimRows,
  type Nodes,
  type OpenUploadRows,
  type SharedCatalog,
} from "../../../server/catalog/shared_catalog.ts";
import type { OperatorRequest, OperatorRows } from "../../../server/catalog/operator_rows.ts";
import { interceptedCatalog } from "./intercepted_catalog.ts";
import { memoryCatalog } from "./memory_catalog.ts";
import { sharedRows } from "./memory_catalog/shared_rows.ts";

interface Node {
  readonly name: string;
  readonly epoch: number;
  until: number;
  renewals: number;
}

interface Report {
  readonly epoch: number;
  readonly report: string;
  readonly at: number;
}

interface Claim extends NameClaim {
  readonly epoch: number;
  isCurrent: boolean;
  isWanted: boolean;
  usage: Usage;
}

export class SharedMemory {
  readonly #catalog = memoryCatalog();
  readonly #values = new Map<string, Bytes>();
  readonly #uploads = new Map<UploadId, number>();
  #claims: Claim[] = [];
  /** By subject. */
  readonly #requests = new Map<string, OperatorRequest & { readonly until: number }>();
  #reports: Report[] = [];
  readonly #rows = sharedRows(this.#catalog.blobs, () => performance.now() + this.#now);
  #nodes: Node[] = [];
  #epochs = 0;
  /** Milliseconds; moves only with {@link pass}. */
  #now = 0;

  /** Lets time pass. */
  pass(ms: number): void {
    this.#now += ms;
  }

  /** The connection of one server. */
  connect(): SharedCatalog {
    let own: number | undefined;
    const check = () => {
      if (own !== undefined && !this.#nodes.some(({ epoch }) => epoch === own)) {
        throw new LeaseLost();
      }
    };
    const epochOf = () => {
      check();
      if (own === undefined) throw new Error("the server has not joined");
      return own;
    };
    const catalog = interceptedCatalog(this.#catalog, async (method, args, next) => {
      check();
      // An upload that is being written has an owner.
      if (method === "blobs.owner" && this.#uploads.has(args[0] as UploadId)) return "upload";
      return await next();
    });
    const nodes: Nodes = {
      join: (name, leaseMs) => {
        own = ++this.#epochs;
        this.#nodes.push({ name, epoch: own, until: this.#now + leaseMs, renewals: 0 });
        return Promise.resolve(this.#joined(own));
      },
      renew: (mine, leaseMs) => {
        const node = this.#nodes.find(({ epoch }) => epoch === mine);
        if (node === undefined) return Promise.resolve(undefined);
        node.until = this.#now + leaseMs;
        node.renewals++;
        return Promise.resolve(this.#joined(mine));
      },
      leave: (mine) => {
        this.#remove(({ epoch }) => epoch === mine);
        return Promise.resolve();
      },
      running: () =>
        Promise.resolve(
          this.#nodes.filter(({ until }) => until > this.#now)
            .map(({ until, ...node }) => ({ ...node, leftMs: until - this.#now })),
        ),
    };
    const { isWaiting, ...rows } = this.#rows;
    const blobs: BlobReferences = {
      ...catalog.blobs,
      owner: (id) => isWaiting(id) ? Promise.resolve("upload") : catalog.blobs.owner(id),
    };
    return {
      ...{ ...catalog, ...rows, blobs },
      nodes,
      openUploads: this.#openUploads(epochOf),
      claims: this.#nameClaims(epochOf),
      operators: this.#operatorRows(epochOf),
      values: {
        find: (name) => Promise.resolve(this.#values.get(name)),
        keep: (name, value) => {
          const kept = this.#values.get(name) ?? value;
          this.#values.set(name, kept);
          return Promise.resolve(kept);
        },
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  #joined(epoch: number): JoinedNode {
    const removed = this.#remove((node) => node.epoch !== epoch && node.until <= this.#now);
    const oldest = this.#nodes.find(({ name, until }) => until > this.#now && !isImport(name));
    return { epoch, removed, isOldest: (oldest?.epoch ?? epoch) >= epoch };
  }

  #remove(isGone: (node: Node) => boolean): string[] {
    const gone = this.#nodes.filter(isGone);
    this.#nodes = this.#nodes.filter((node) => !gone.includes(node));
    this.#reports = this.#reports.filter((one) => !gone.some(({ epoch }) => epoch === one.epoch));
    const isOf = (mine: number) => gone.some(({ epoch }) => epoch === mine);
    this.#claims = this.#claims.filter(({ epoch }) => !isOf(epoch));
    for (const [id, epoch] of this.#uploads) if (isOf(epoch)) this.#uploads.delete(id);
    return gone.map(({ name }) => name);
  }

  #operatorRows(epochOf: () => number): OperatorRows {
    const isOpen = (subject: string) => (this.#requests.get(subject)?.until ?? 0) > this.#now;
    return {
      ask: (request, ttlMs) => {
        this.#requests.set(request.subject, { ...request, until: this.#now + ttlMs });
        return Promise.resolve();
      },
      asked: (limit) =>
        Promise.resolve(
          [...this.#requests.values()].filter(({ until }) => until > this.#now).slice(0, limit)
            .map(({ subject, operator }) => ({ subject, operator })),
        ),
      isAsked: (subject) => Promise.resolve(isOpen(subject)),
      endRequest: (subject) => {
        const wasOpen = isOpen(subject);
        this.#requests.delete(subject);
        return Promise.resolve(wasOpen);
      },
      publish: async (report) => {
        const epoch = await epochOf();
        this.#reports = this.#reports.filter((one) => one.epoch !== epoch);
        this.#reports.push({ epoch, report, at: this.#now });
      },
      reports: () =>
        Promise.resolve(
          this.#nodes.filter(({ until }) => until > this.#now).map(({ name, epoch }) => {
            const own = this.#reports.find((one) => one.epoch === epoch);
            const ageMs = own === undefined ? Infinity : this.#now - own.at;
            return { name, epoch, report: own?.report, ageMs };
          }),
        ),
    };
  }

  #openUploads(epochOf: () => number): OpenUploadRows {
    return {
      begin: async (id) => void this.#uploads.set(id, await epochOf()),
      end: async (id) => {
        if (this.#uploads.get(id) === await epochOf()) this.#uploads.delete(id);
        return await this.#catalog.blobs.owner(id) === "garbage";
      },
      condemn: async (ids) => {
        const owners = await Promise.all(ids.map((id) => this.#catalog.blobs.owner(id)));
        return ids.filter((id, i) => {
          const isFree = owners[i] === undefined || owners[i] === "garbage";
          return isFree && !this.#uploads.has(id as UploadId) && !this.#rows.isWaiting(id);
        });
      },
    };
  }

  #nameClaims(epochOf: () => number): NameClaimRows {
    const find = (id: Bytes) => this.#claims.find((claim) => toHex(claim.id) === toHex(id));
    const ofAccount = (accountId: Bytes) =>
      this.#claims.filter((claim) => toHex(claim.accountId) === toHex(accountId));
    return {
      take: async (claim) => {
        const epoch = await epochOf();
        const same = ofAccount(claim.accountId)
          .filter(({ name, isCurrent }) => name === claim.name && isCurrent);
        const others = same.filter((other) => other.epoch !== epoch);
        if (claim.resumes && others.length > 0) {
          for (const other of others) other.isWanted = true;
          return false;
        }
        for (const other of same) other.isCurrent = false;
        const usage = { bytes: 0, files: 0 };
        this.#claims.push({ ...claim, epoch, usage, isCurrent: true, isWanted: false });
        return true;
      },
      reserve: async (id, usage) => {
        await epochOf();
        Object.assign(find(id) ?? {}, { usage });
      },
      end: async (id) => {
        await epochOf();
        this.#claims = this.#claims.filter((claim) => claim !== find(id));
      },
      contested: async () => {
        const mine = await epochOf();
        return this.#claims.filter(({ epoch, isWanted, isCurrent }) =>
          epoch === mine && (isWanted || !isCurrent)
        ).map(({ id, isWanted, isCurrent }) => ({ id, isWanted, isCurrent }));
      },
      reserved: async (accountId) => {
        const mine = await epochOf();
        const others = ofAccount(accountId).filter(({ epoch }) => epoch !== mine);
        return {
          bytes: others.reduce((sum, { usage }) => sum + usage.bytes, 0),
          files: others.reduce((sum, { usage }) => sum + usage.files, 0),
        };
      },
    };
  }
}
