/**
 * Runs xfer and kills it, like a power cut except for the kernel's buffers, before one of its calls to file system and
 * network. Arguments: the call's number, then xfer's arguments.
 */
import { main } from "../../cli/main.ts";

type Methods = Record<string, (...args: unknown[]) => unknown>;

const [number, ...args] = Deno.args;
let calls = 0;

/** Counts the calls of some of an object's functions. */
function count(object: object, names: readonly string[], seen?: (result: unknown) => void): void {
  const methods = object as Methods;
  for (const name of names) {
    const original = methods[name];
    if (original === undefined) throw new TypeError(`no function ${name}`);
    methods[name] = (...args) => {
      if (++calls === Number(number)) Deno.kill(Deno.pid, "SIGKILL");
      const result = original.apply(object, args);
      if (seen !== undefined && result instanceof Promise) result.then(seen, () => undefined);
      return result;
    };
  }
}

const FILE = ["write", "sync", "lock", "close"];
const SOCKET = ["read", "write"];

if (import.meta.main) {
  count(Deno, ["open"], (file) => count(file as object, FILE));
  count(Deno, ["mkdir", "rename", "remove", "link"]);
  count(Deno, ["symlinkSync", "renameSync", "chmodSync"]);
  count(Deno, ["connect", "startTls"], (socket) => count(socket as object, SOCKET));
  Deno.exit(await main(args));
}
