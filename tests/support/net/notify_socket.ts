/** The socket on which systemd gets messages from services. */

const CALLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const LOOK_MS = 20;
const MAX_WAIT_MS = 60_000;

export class NotifySocket implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", CALLS);
  readonly #descriptor: number;

  constructor(path: string) {
    const name = new TextEncoder().encode(`${path}\0`);
    const address = new Uint8Array(2 + name.length);
    new DataView(address.buffer).setUint16(0, AF_UNIX, true);
    address.set(name, 2);
    const { symbols } = this.#libc;
    this.#descriptor = symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
    if (symbols.bind(this.#descriptor, address, address.length) !== 0) {
      throw new Error(`Cannot bind ${path}`);
    }
  }

  /** The next message. Rejects if none comes for a minute. */
  async next(): Promise<string> {
    const buffer = new Uint8Array(1024);
    for (let waited = 0; waited < MAX_WAIT_MS; waited += LOOK_MS) {
      const size = Number(
        this.#libc.symbols.recv(this.#descriptor, buffer, BigInt(buffer.length), MSG_DONTWAIT),
      );
      if (size >= 0) return new TextDecoder().decode(buffer.subarray(0, size));
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    throw new Error("The server sent no message");
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#descriptor);
    this.#libc.close();
  }
}
