import {
  type Address,
  type Bytes,
  edition2023c,
  encodeResponse,
  ResponseReader,
} from "../../mod.ts";
import { falsifyChecksum, isFileReceived } from "./falsified.ts";

/** An intentionally faulty server: passes everything on to a sound one, but falsifies the first checksums it returns. */
export class FalsifyingProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: Address;
  readonly #work: Promise<void>;
  readonly #sockets: Deno.TcpConn[] = [];
  #left: number;

  constructor(target: Address, count: number) {
    this.#target = target;
    this.#left = count;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#work = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#work;
  }

  async #accept(): Promise<void> {
    const passing: Promise<unknown>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect({ ...this.#target });
      this.#sockets.push(client, server);
      passing.push(this.#up(client, server), this.#down(server, client));
    }
    for (const socket of this.#sockets) {
      try {
        socket.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    }
    await Promise.allSettled(passing);
  }

  async #up(client: Deno.TcpConn, server: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const size = await client.read(buffer);
      if (size === null) return await server.closeWrite();
      await writeAll(server, buffer.subarray(0, size));
    }
  }

  async #down(server: Deno.TcpConn, client: Deno.TcpConn): Promise<void> {
    const reader = new ResponseReader(edition2023c);
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const size = await server.read(buffer);
      if (size === null) return await client.closeWrite();
      reader.push(buffer.subarray(0, size));
      for (let response = reader.next(); response !== undefined; response = reader.next()) {
        const bytes = encodeResponse(edition2023c, response);
        const falsify = this.#left > 0 && isFileReceived(edition2023c, bytes);
        if (falsify) this.#left--;
        await writeAll(client, falsify ? falsifyChecksum(bytes) : bytes);
      }
    }
  }
}

async function writeAll(socket: Deno.TcpConn, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
}
