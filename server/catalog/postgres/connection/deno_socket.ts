/**
 * A connection to PostgreSQL over Deno's own sockets, as the stream that `pg` takes. `node:tls` over a given socket hangs in
 * Deno 2.4.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { TlsRefused } from "./failures.ts";

/** The address of a database server. */
export interface PostgresAddress {
  /** A host name, an IP address, or the folder of a Unix socket if it begins with `/`. */
  readonly host: string;
  readonly port: number;
  /** How to verify the server; `undefined` for a connection without TLS. */
  readonly tls?: PostgresTls | undefined;
}

/** How to verify a database server: its certificate must be valid for the host name. */
export interface PostgresTls {
  /** Certificate authorities to trust, in PEM; without them, those of the system. */
  readonly caCerts?: readonly string[];
}

/** The request for TLS: its length, and the code 80877103 (PostgreSQL's protocol, "SSLRequest"). */
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);
/** The answer of a server that accepts the request, the letter S. */
const SSL_ACCEPTED = 0x53;
/** The size of a read in bytes. Contents of small files are up to 256 KiB, and twice as much in hexadecimal digits. */
const READ_SIZE = 64 * 1024;
/** The bytes that a connection buffers in each direction before the other end must wait. */
const BUFFERED_BYTES = 512 * 1024;

/** Connects to a database server. */
async function dialPostgres({ host, port, tls }: PostgresAddress): Promise<Deno.Conn> {
  if (host.startsWith("/")) {
    return await Deno.connect({ transport: "unix", path: `${host}/.s.PGSQL.${port}` });
  }
  const plain = await Deno.connect({ hostname: host, port });
  plain.setNoDelay(true);
  plain.setKeepAlive(true);
  if (tls === undefined) return plain;
  let secure: Deno.TlsConn | undefined;
  try {
    await requestTls(plain);
    const caCerts = tls.caCerts === undefined ? {} : { caCerts: [...tls.caCerts] };
    secure = await Deno.startTls(plain, { hostname: host, ...caCerts });
    await secure.handshake();
    return secure;
  } catch (error) {
    close(secure);
    close(plain);
    throw error;
  }
}

async function requestTls(conn: Deno.Conn): Promise<void> {
  await conn.write(SSL_REQUEST);
  // One byte and no more: what follows would have been sent without encryption, by anyone.
  const answer = new Uint8Array(1);
  if (await conn.read(answer) === 1 && answer[0] === SSL_ACCEPTED) return;
  throw new TlsRefused();
}

function close(conn: Deno.Conn | undefined): void {
  try {
    conn?.close();
  } catch {
    // Deno.startTls has taken the connection, or it is closed already.
  }
}

/** The stream of one connection. `connect` is called by `pg`. */
export class DenoSocket extends Duplex {
  readonly #address: PostgresAddress;
  readonly #buffer = new Uint8Array(READ_SIZE);
  #conn: Deno.Conn | undefined;
  /** Resolves when no read is in progress; `undefined` if none is. */
  #reading: Promise<void> | undefined;

  constructor(address: PostgresAddress) {
    super({
      allowHalfOpen: false,
      readableHighWaterMark: BUFFERED_BYTES,
      writableHighWaterMark: BUFFERED_BYTES,
    });
    this.#address = address;
  }

  /** Connects, and emits `connect`. A failure destroys the stream with the error. */
  connect(): this {
    dialPostgres(this.#address).then((conn) => {
      if (this.destroyed) return close(conn);
      this.#conn = conn;
      this.emit("connect");
      this._read();
    }, (error) => this.destroy(error));
    return this;
  }

  // `pg` calls these methods of a socket. The connection has no delay and is kept alive in any case.
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    const conn = this.#conn;
    if (conn === undefined || this.destroyed || this.#reading !== undefined) return;
    this.#reading = this.#fill(conn).catch((error) => void this.destroy(error))
      .finally(() => this.#reading = undefined);
  }

  /** Reads until the buffer of the stream is full or the server has closed the connection. */
  async #fill(conn: Deno.Conn): Promise<void> {
    for (;;) {
      const size = await conn.read(this.#buffer);
      if (size === null) {
        this.push(null);
        // Nothing that is still written would arrive.
        this.destroy();
        return;
      }
      // `pg` keeps what it is given, so it gets a copy.
      if (!this.push(Buffer.from(this.#buffer.subarray(0, size)))) return;
    }
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void) {
    this.#send([chunk]).then(() => done(), done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Uint8Array }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(chunks.map(({ chunk }) => chunk)).then(() => done(), done);
  }

  async #send(chunks: readonly Uint8Array[]): Promise<void> {
    const bytes = chunks.length === 1 ? chunks[0] as Uint8Array : Buffer.concat(chunks);
    if (this.#conn === undefined) throw new Error("cannot write before the connection is open");
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** All is written, also the message that ends the session. The server has nothing to say to it. */
  override _final(done: (error?: Error | null) => void): void {
    done();
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    close(this.#conn);
    // The read that this interrupts.
    const reading = this.#reading ?? Promise.resolve();
    reading.then(() => done(error));
  }
}
