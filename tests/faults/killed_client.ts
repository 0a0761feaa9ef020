/**
 * Runs xfer and kills it, like a power cut except for the kernel's buffers, before one of its calls to file system and
 * network, also those through the C library and in the thread that writes small files. Arguments: the call's number;
 * `thread` if the smallest download is to use that thread, otherwise `alone`; then xfer's arguments.
 */
import { CallCounter } from "./call_counter.ts";

const [number, threads, ...args] = Deno.args;

const FILE = ["write", "sync", "lock", "close"];
const SOCKET = ["read", "write"];

/** The thread's module. Another one replaces it, which counts its calls, from those before it started. */
const THREAD = /\/file_worker\.[jt]s$/;

if (import.meta.main) {
  const at = Number(number);
  const counter = new CallCounter(at);
  counter.countLibrary();
  globalThis.Worker = class extends Worker {
    constructor(module: string | URL, options?: WorkerOptions) {
      const counting = new URL(
        `./killed_file_worker.ts?at=${at}&calls=${counter.calls}`,
        import.meta.url,
      );
      super(THREAD.test(`${module}`) ? counting : module, options);
    }
  };
  // The calls of the C library are opened with these modules.
  const { FileThread } = await import("../../client/local/file_thread.ts");
  const { main } = await import("../../cli/main.ts");
  let thread: ReturnType<typeof FileThread.start>;
  if (threads === "thread") {
    const { start } = FileThread;
    FileThread.start = (root) => thread = start.call(FileThread, root, Infinity);
  }
  // Nothing that it could write arrives before the thread has started.
  const started = () => {
    const waiting = thread;
    return waiting === undefined || waiting.isReady ? undefined : ready(waiting);
  };
  counter.count(Deno, ["open"], (file) => counter.count(file as object, FILE));
  counter.count(Deno, ["mkdir", "rename", "remove", "link"]);
  counter.count(Deno, ["symlinkSync", "renameSync", "chmodSync"]);
  counter.count(
    ...[Deno, ["connect", "startTls"]] as const,
    (socket) => counter.count(socket as object, SOCKET, undefined, started),
  );
  Deno.exit(await main(args));
}

async function ready(thread: { readonly isReady: boolean }): Promise<void> {
  while (!thread.isReady) await new Promise((resolve) => setTimeout(resolve, 1));
}
