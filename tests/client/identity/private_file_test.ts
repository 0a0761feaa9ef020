/** Permissions of identity files: the rule, and real files. */
import assert from "node:assert/strict";
import type { V3Event } from "../../../client/events.ts";
import { generatePrivateKey } from "../../../protocol/cipher/rsa.ts";
import { formatIdentity, IdentityFolder } from "../../../client/identity/v3_identity.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import { KnownServers } from "../../../client/identity/known_servers.ts";
import { type Flaw, flawOf, isOpenToAnybody } from "../../../client/identity/private_file.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { runTool } from "../../support/tools.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const ME = 1000;
const IDENTITY = formatIdentity({
  name: "Alice",
  clientId: pseudoRandomBytes(16),
  privateKey: await generatePrivateKey(),
});

Deno.test("private file: read permission for others is fixed, write permission for others is refused", () => {
  const cases: [number, number, Flaw | undefined][] = [
    [0o100600, ME, undefined],
    [0o100400, ME, undefined],
    [0o100700, ME, undefined],
    [0o100644, ME, "readable"],
    [0o100640, ME, "readable"],
    [0o100604, ME, "readable"],
    [0o100620, ME, "writable"],
    [0o100602, ME, "writable"],
    [0o100664, ME, "writable"],
    [0o100666, ME, "writable"],
    [0o100600, 0, "foreign"],
    [0o100600, ME + 1, "foreign"],
    [0o100666, ME + 1, "foreign"],
  ];
  for (const [mode, uid, flaw] of cases) {
    assert.equal(flawOf({ mode, uid }, ME), flaw, `${mode.toString(8)} of ${uid}`);
  }
});

Deno.test("private file: a folder is unsafe if anybody can replace its files, not if it is sticky", () => {
  const cases: [number, boolean][] = [
    [0o40700, false],
    [0o40755, false],
    [0o40775, false],
    [0o40777, true],
    [0o40702, true],
    [0o41777, false],
  ];
  for (const [mode, open] of cases) {
    assert.equal(isOpenToAnybody({ mode, uid: ME }), open, mode.toString(8));
  }
});

const posix = { ignore: Deno.build.os === "windows" };

async function load(folder: TemporaryFolder): Promise<V3Event[]> {
  const events: V3Event[] = [];
  await new IdentityFolder(folder.path, (event) => events.push(event)).load();
  return events;
}

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o7777;

Deno.test(
  "private file: identity files that others can read are fixed once, with a warning",
  posix,
  async () => {
    await using folder = await TemporaryFolder.create();
    const paths = [
      await folder.write("me.info", IDENTITY),
      await folder.write("priv.key", IDENTITY.split("\n")[2] ?? ""),
    ];
    for (const path of paths) await Deno.chmod(path, 0o644);
    assert.deepEqual(await load(folder), paths.map((path) => ({ type: "tightened", path })));
    for (const path of paths) assert.equal(await modeOf(path), 0o600);
    assert.deepEqual(await load(folder), []);
  },
);

Deno.test(
  "private file: identity files that others can write are refused, with the command that fixes it",
  posix,
  async () => {
    for (const name of ["me.info", "priv.key"]) {
      await using folder = await TemporaryFolder.create();
      const path = await folder.write(name, IDENTITY);
      await Deno.chmod(path, 0o660);
      await assert.rejects(load(folder), {
        name: "ConfigurationError",
        code: "identity-not-private",
        message: /others can write to it \(mode 0660\)/,
        hint: `If the content is yours, run: chmod 600 '${path}'`,
      });
      assert.equal(await modeOf(path), 0o660, "it is unchanged");
    }
  },
);

Deno.test("private file: for a link, the permissions of its target count", posix, async () => {
  await using folder = await TemporaryFolder.create();
  const target = await folder.write("elsewhere", IDENTITY);
  await Deno.symlink(target, folder.join("me.info"));
  await Deno.chmod(target, 0o622);
  await assert.rejects(load(folder), { code: "identity-not-private" });
  await Deno.chmod(target, 0o644);
  assert.deepEqual((await load(folder)).map(({ type }) => type), ["tightened"]);
  assert.equal(await modeOf(target), 0o600);
});

Deno.test("private file: an identity file of another user is refused", {
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
}, async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("me.info", IDENTITY);
  await Deno.chmod(path, 0o600);
  await Deno.chown(path, 12345, 12345);
  await assert.rejects(load(folder), {
    code: "identity-not-private",
    message: /it belongs to uid 12345, not to yours, 0/,
    hint: /: sudo chown 0 '.*me\.info' && chmod 600 '/,
  });
});

Deno.test(
  "private file: a folder that anybody can write to leads to a warning",
  posix,
  async () => {
    await using folder = await TemporaryFolder.create();
    const open = [{ type: "openFolder", path: folder.path }];
    for (const [mode, expected] of [[0o777, open], [0o1777, []], [0o775, []]] as const) {
      await Deno.chmod(folder.path, mode);
      assert.deepEqual(await load(folder), expected);
    }
  },
);

Deno.test("private file: a file that is too large for an identity is not read to its end", async () => {
  for (const name of ["me.info", "priv.key", "me.edition"]) {
    await using folder = await TemporaryFolder.create();
    await Deno.chmod(await folder.write(name, new Uint8Array(16 * 1024 + 1)), 0o600);
    const identities = new IdentityFolder(folder.path);
    await assert.rejects(async () => {
      await identities.load();
      await identities.loadProfile();
    }, { name: "ConfigurationError", code: "oversized-file", message: new RegExp(name) });
  }
});

Deno.test(
  "private file: a pipe in place of an identity file is refused, without waiting for a writer",
  posix,
  async () => {
    await using folder = await TemporaryFolder.create();
    for (const name of ["me.key", "known_servers"]) await runTool("mkfifo", [folder.join(name)]);
    const refused = { code: "cannot-read", message: /it is a pipe$/ };
    await assert.rejects(new AccountFolder(folder.path).readKey(), refused);
    await assert.rejects(new KnownServers(folder.path).list(), refused);
  },
);
