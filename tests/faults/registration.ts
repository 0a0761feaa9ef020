/** Clients that are killed while they register, at every call to file system and network. */
import assert from "node:assert/strict";
import { listStored } from "../../server/operator/list_files.ts";
import { IdentityFolder } from "../../client/identity/v3_identity.ts";
import { AccountFolder } from "../../client/identity/v4_account.ts";
import { KnownServers } from "../../client/identity/known_servers.ts";
import { CommandHost } from "../support/command_host.ts";
import { startInThisThread } from "../support/server.ts";
import { pathOfProgram } from "../support/programs.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import type { Loop } from "./loop.ts";

const PROGRAM = pathOfProgram("tests/faults/killed_client.ts");
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
/** Longer than a name of protocol 3 stays reserved if its registration got no answer. */
const LATER_MS = 11 * 60_000;
const SIDE_BY_SIDE = 2;

export type Protocol = 3 | 4;

/**
 * Kills a client that registers and stores a file before each of its calls in turn. The identity that it wrote is
 * whole, and the next run signs in and stores a file.
 */
export async function killAtEveryCallOfRegistration(
  loop: Loop,
  protocol: Protocol,
  { every = 1 } = {},
): Promise<void> {
  await using host = new CommandHost(Deno.env.toObject());
  await loop.atCalls({ every, sideBySide: SIDE_BY_SIDE }, async (at) => {
    const killed = await killAt(host, protocol, at).catch((cause) => {
      throw new Error(`protocol ${protocol}, killed before call ${at}: ${cause}`, { cause });
    });
    if (killed) loop.count("killed");
    return killed;
  });
}

/** Returns whether the client reached the call and was killed. */
async function killAt(host: CommandHost, protocol: Protocol, at: number): Promise<boolean> {
  await using folder = await TemporaryFolder.createOnDisk();
  let aheadMs = 0;
  await using server = await startInThisThread({
    ...{ listen: [LOOPBACK], tlsListen: LOOPBACK, dataFolder: folder.join("data") },
    clock: () => Date.now() + aheadMs,
    ticks: () => Date.now() + aheadMs,
  });
  const home = folder.join("Alice");
  await Deno.mkdir(home, { mode: 0o700 });
  const { hostname, port } = server.address;
  await Deno.writeTextFile(`${home}/transfer.info`, `${hostname}:${port}\nAlice\na\n`);
  await Deno.writeTextFile(`${home}/a`, "content");
  const { signal } = await runKilled(home, at, protocol);
  await readIdentity(home, protocol);
  aheadMs += LATER_MS;
  const { code, stderr } = await host.run(register(protocol), home);
  assert.equal(code, 0, stderr);
  const [client, ...others] = await listStored(folder.join("data"));
  assert.deepEqual(others, [], "no second account");
  assert.deepEqual(client?.files.map(({ name, size }) => [name, size]), [["a", 7]]);
  return signal === "SIGKILL";
}

/** The arguments of a client that registers and stores the file that `transfer.info` names. */
function register(protocol: Protocol): string[] {
  return ["client", "--protocol", `${protocol}`, "--accept-new", "--retries", "0"];
}

/** Runs a client that kills itself before a call, if it reaches that. */
async function runKilled(
  cwd: string,
  at: number,
  protocol: Protocol,
): Promise<Deno.CommandStatus> {
  const run = ["run", "--quiet", "--no-check", "--allow-all", PROGRAM];
  return await tiedCommand(Deno.execPath(), {
    args: [...run, `${at}`, "alone", ...register(protocol)],
    ...{ cwd, stdin: "null", stdout: "null", stderr: "null" },
  }).spawn().status;
}

/** Reads an identity. Throws if a part of it is incomplete. */
async function readIdentity(home: string, protocol: Protocol): Promise<void> {
  const there = new Set([...Deno.readDirSync(home)].map(({ name }) => name));
  if (protocol === 3) {
    const identities = new IdentityFolder(home);
    const [identity, key] = [await identities.load(), await identities.loadKey()];
    await identities.loadProfile();
    // The key is durable before anything is sent, and both files contain the same.
    if (there.has("me.info")) assert.deepEqual(identity?.privateKey, key);
    assert.equal(identity !== undefined, there.has("me.info"));
    return;
  }
  await new KnownServers(home).list();
  const account = await new AccountFolder(home).loadAccount();
  assert.equal(account !== undefined, there.has("me.account"));
  if (there.has("me.account")) {
    assert.ok(there.has("me.key"), "no account without its key");
  }
  if (there.has("me.key")) await new AccountFolder(home).loadKey();
}
