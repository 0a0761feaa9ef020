/** A server of protocol 4 and clients of it, over real sockets. */
import type { Address } from "../../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import type { Server } from "../../../server/server.ts";
import type { ServerOptions } from "../../../server/lifecycle/server_options.ts";
import type { TlsFiles } from "../../../server/listen/tls/operator_certificate.ts";
import type { XferError } from "../../../protocol/errors.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import { findV4Server } from "../../../client/v4/discover.ts";
import { openPinned } from "../../../client/v4/open_tls.ts";
import { RequestMux } from "../../../client/v4/request_mux.ts";
import { V4Client } from "../../../client/v4/client.ts";
import type { TransferOptions } from "../../../client/v4/connection_pool.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import type { SourceEntry } from "../../../client/local/source_entry.ts";
import { SourceFile } from "../../../client/local/source_file.ts";
import { fingerprintOf } from "../../../protocol/v4/fingerprint.ts";
import { sign, type SignedIdentity } from "../../../protocol/v4/authentication.ts";
import type { Issued } from "../tls/certificate_authority.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import { startInThisThread } from "../server.ts";

export const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** Small files get blobs, too, for tests that look at blobs. */
export const ON_DISK: Partial<Limits> = { inlineSize: 0 };

export class Fixture implements AsyncDisposable {
  readonly folder: TemporaryFolder;
  server: Server;

  private constructor(folder: TemporaryFolder, server: Server) {
    this.folder = folder;
    this.server = server;
  }

  static async create(
    limits: Partial<Limits> = {},
    options: Partial<ServerOptions> = {},
    folder?: TemporaryFolder,
  ): Promise<Fixture> {
    await using starting = new AsyncDisposableStack();
    const owned = starting.use(folder ?? await TemporaryFolder.create());
    const server = await startServer(owned.join("data"), limits, options);
    starting.move();
    return new Fixture(owned, server);
  }

  /** The server's data folder. */
  get data(): string {
    return this.folder.join("data");
  }

  /** Stops the server and starts it again on the same data. */
  async restart(options: Partial<ServerOptions> = {}): Promise<void> {
    await this.server.close();
    this.server = await startServer(this.data, {}, options);
  }

  /** Starts a server with an operator's certificate. */
  static async named(issued: Issued, options: Partial<ServerOptions> = {}): Promise<Fixture> {
    const folder = await TemporaryFolder.create();
    const tlsFiles = filesIn(folder);
    await write(tlsFiles, issued);
    return new Fixture(
      folder,
      await startServer(folder.join("data"), {}, { tlsFiles, ...options }),
    );
  }

  /** Writes an operator's certificate to the server's file. */
  show(issued: Issued): Promise<void> {
    return write(filesIn(this.folder), issued);
  }

  /** The address by name: the one that certificates are issued for. */
  get byName(): Address {
    return { ...this.server.address, hostname: "localhost" };
  }

  /** A client with its own identity, which trusts a new server. */
  async client(name: string, changes: Partial<ConnectOptions> = {}): Promise<V4Client> {
    return await V4Client.connect(await this.options(name, changes));
  }

  async options(name: string, changes: Partial<ConnectOptions> = {}): Promise<ConnectOptions> {
    const identityFolder = this.folder.join(name);
    await Deno.mkdir(identityFolder, { recursive: true, mode: 0o700 });
    return {
      ...{ server: this.server.address, userName: name, identityFolder },
      onNewServer: () => true,
      ...changes,
    };
  }

  async source(name: string, content: Bytes): Promise<SourceFile> {
    return await SourceFile.inspect(await this.folder.write(name, content));
  }

  /** The paths of staged or stored blobs. */
  blobs(kind: "staging" | "files"): string[] {
    const paths: string[] = [];
    const visit = (path: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(path)) {
        if (isDirectory) visit(`${path}/${name}`);
        else paths.push(`${path}/${name}`);
      }
    };
    visit(this.folder.join("data", kind));
    return paths;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.folder[Symbol.asyncDispose]();
  }
}

export function filesIn(folder: TemporaryFolder): TlsFiles {
  return { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
}

async function write(files: TlsFiles, { certificate, key }: Issued): Promise<void> {
  await Deno.writeTextFile(files.certificate, certificate);
  await Deno.writeTextFile(files.key, key, { mode: 0o600 });
}

export function startServer(
  dataFolder: string,
  limits: Partial<Limits> = {},
  options: Partial<ServerOptions> = {},
): Promise<Server> {
  // Unless a test is about it, nothing reads stored files in the background.
  const confirmation = options.confirmAfterMs === undefined
    ? { confirmRate: 0, checkIntervalMs: 0 }
    : { checkIntervalMs: 0 };
  return startInThisThread({
    ...{ listen: [LOOPBACK], tlsListen: LOOPBACK, dataFolder },
    ...{ limits: { ...confirmation, ...limits } },
    ...options,
  });
}

/** Starts a server whose key differs from those of all other servers. */
export async function startWithOwnKey(dataFolder: string): Promise<Server> {
  await Deno.mkdir(dataFolder, { mode: 0o700 });
  return await startServer(dataFolder);
}

/** Splits options that a test writes as one object. */
export function splitOptions(
  { retries, onRetry, pause, random, parallel, found, ...connect }:
    & ConnectOptions
    & TransferOptions,
): { readonly connect: ConnectOptions; readonly transfer: TransferOptions } {
  const given = Object.entries({ retries, onRetry, pause, random, parallel, found })
    .filter(([, value]) => value !== undefined);
  return { connect, transfer: Object.fromEntries(given) };
}

/** Uploads files. Returns a checksum, or the code of an error, for each. */
export async function put(
  client: V4Client,
  files: readonly { readonly file: SourceEntry; readonly name?: string }[],
): Promise<(number | string)[]> {
  const outcomes = new Map<SourceEntry, number | string>();
  await client.put(files, (file, outcome) => {
    outcomes.set(file, typeof outcome === "number" ? outcome : (outcome as XferError).code);
  });
  return files.map(({ file }) => outcomes.get(file) ?? "not settled");
}

/** All bytes of a file, or of the chunks that contain a range. */
export async function got(client: V4Client, name: string, range = {}): Promise<Bytes> {
  const chunks: Bytes[] = [];
  await client.get({ name, ...range }, (chunk) => {
    chunks.push(chunk.slice());
    return Promise.resolve();
  });
  return concatBytes(...chunks);
}

/** A connection that sends what a test says. Before it signs in, the server's nonce is here. */
export interface Raw extends Disposable {
  readonly mux: RequestMux;
  /** Takes bytes that are no whole message. Only while `mux` sends nothing. */
  readonly socket: Pick<Deno.TlsConn, "write">;
  readonly nonce: Bytes;
  readonly fingerprint: Bytes;
}

export async function connectRaw(address: Address): Promise<Raw> {
  const answer = await findV4Server(address, DEFAULT_TIMEOUTS);
  if (answer === undefined) throw new Error("The server does not have protocol 4");
  const fingerprint = await fingerprintOf(answer.certificate);
  const socket = await openPinned(address, answer, fingerprint, DEFAULT_TIMEOUTS);
  const mux = new RequestMux(socket, DEFAULT_TIMEOUTS);
  let nonce: Bytes | undefined;
  await mux.answer(0, (message) => {
    if (message.kind === "challenge") nonce = message.nonce;
    return true;
  });
  if (nonce === undefined) throw new Error("The server has not sent a challenge");
  return { mux, socket, nonce, fingerprint, [Symbol.dispose]: () => mux[Symbol.dispose]() };
}

/** Signs in on a raw connection, as a client whose identity is in a folder. The claim can be changed. */
export async function loginRaw(
  raw: Raw,
  identityFolder: string,
  changes: Partial<SignedIdentity> = {},
): Promise<void> {
  const folder = new AccountFolder(identityFolder);
  const { privateKey, publicKey } = await folder.loadKey();
  const { clientId = new Uint8Array(16) } = await folder.loadAccount() ?? {};
  const { fingerprint, nonce } = raw;
  const claim = { fingerprint, nonce, clientId, key: publicKey, ...changes };
  const signature = await sign(privateKey, claim);
  await raw.mux.ask(
    { kind: "login", tag: 0, clientId: claim.clientId, key: claim.key, signature },
    (message) => message.kind === "welcome",
  );
}
