/** A server that anyone can fill warns at its start. */
import assert from "node:assert/strict";
import type { ServerOptions } from "../../server/lifecycle/server_options.ts";
import { ServerLog } from "../support/server_log.ts";
import { startInThisThread } from "../support/server.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const EVERYWHERE = [{ hostname: "0.0.0.0", port: 0 }];
const HERE = [{ hostname: "127.0.0.1", port: 0 }];

const CASES: readonly [what: string, options: Partial<ServerOptions>, warnings: number][] = [
  ["open, without a quota", { listen: EVERYWHERE }, 1],
  ["only on this machine", { listen: HERE }, 0],
  ["with one of several addresses", { listen: [...HERE, ...EVERYWHERE] }, 1],
  ["with a quota", { listen: EVERYWHERE, limits: { quota: 1 } }, 0],
  ["by invitation", { listen: EVERYWHERE, registration: "invite" }, 0],
];

Deno.test("open server: it warns once if anyone can register and store without a limit", async () => {
  await using log = await ServerLog.take();
  for (const [what, options, warnings] of CASES) {
    log.forget();
    await using folder = await TemporaryFolder.create();
    const dataFolder = folder.join("data");
    await using _server = await startInThisThread({ listen: HERE, dataFolder, ...options });
    assert.equal(log.of("server.open").length, warnings, what);
  }
});
