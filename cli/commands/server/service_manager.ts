/**
 * Tells systemd when the server is ready and when it stops, and that it still works (sd_notify(3)). The messages go to a
 * unix datagram socket, which Deno opens only with an unstable flag, so that the system's own calls send them.
 *
 * @module
 */
import { openCLibrary } from "../../../platform/c_library.ts";

/** socket(2), sendto(2) and close(2). */
const CALLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** `struct sockaddr_un`: the family (u16), then the path. */
const FAMILY_SIZE = 2;
const MAX_PATH = 108;

/** The socket, and the time after which systemd ends a server that says nothing, in microseconds. */
const SOCKET = "NOTIFY_SOCKET";
const WATCHDOG = "WATCHDOG_USEC";

/** Opened before the server gives up the permission, and only if systemd listens. */
const symbols = variable(SOCKET) === undefined ? undefined : openCLibrary(CALLS);

function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}

/** The service manager that has started this process, if one has. */
export class ServiceManager implements Disposable {
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The server accepts connections. From now on, systemd restarts it if its event loop hangs (`WatchdogSec`). */
  ready(): void {
    notify("READY=1");
    const ms = Number(variable(WATCHDOG) ?? NaN) / 1000;
    if (symbols === undefined || !(ms > 0)) return;
    this.#timer = setInterval(() => notify("WATCHDOG=1"), ms / 2);
  }

  stopping(): void {
    notify("STOPPING=1");
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Sends a message, if it can. */
function notify(message: string): void {
  const path = variable(SOCKET);
  if (symbols === undefined || path === undefined) return;
  const address = addressOf(path);
  if (address === undefined) return;
  const descriptor = symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  try {
    const bytes = new TextEncoder().encode(message);
    symbols.sendto(
      ...[descriptor, bytes, BigInt(bytes.length), MSG_DONTWAIT | MSG_NOSIGNAL] as const,
      ...[address, address.length] as const,
    );
  } finally {
    symbols.close(descriptor);
  }
}

/** A `sockaddr_un`; `undefined` for a path that does not fit. A path that begins with `@` is in no folder. */
function addressOf(path: string): Uint8Array<ArrayBuffer> | undefined {
  const isAbstract = path.startsWith("@");
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > MAX_PATH) return undefined;
  const address = new Uint8Array(FAMILY_SIZE + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, FAMILY_SIZE);
  return address;
}
