/** Commands in hints work as printed, also with options for another folder. */
import assert from "node:assert/strict";
import { xfer } from "../support/hosted_xfer.ts";
import { writeLauncher } from "../support/processes.ts";
import { ProcessFixture } from "../support/process_fixture.ts";
import { runTool } from "../support/tools.ts";

const ignore = Deno.build.os === "windows";

/** The command that a hint has in quotes, or ends with. */
function advised(stderr: string): string {
  return /'(xfer (?:client|server) [^\n]*?)'(?= to |[.,;?](?:\s|$)|$)/m.exec(stderr)?.[1] ??
    /: (xfer (?:client|server) [^\n]*?)\.?$/m.exec(stderr)?.[1] ?? assert.fail(stderr);
}

async function prepare() {
  const fixture = await ProcessFixture.create();
  await writeLauncher(fixture.folder.join("bin"));
  const there = await fixture.prepare("one's folder", { "a.txt": "a" });
  const here = fixture.folder.join("here");
  await Deno.mkdir(here);
  const PATH = `${fixture.folder.join("bin")}:${Deno.env.get("PATH")}`;
  const type = (line: string) => runTool("sh", ["-c", line], { cwd: here, env: { PATH } });
  return { fixture, there, here, type };
}

Deno.test({
  name: "hints: client commands include the client's folder",
  ignore,
  async fn() {
    const { fixture, there, here, type } = await prepare();
    await using _fixture = fixture;
    assert.equal((await xfer(["client", "--accept-new"], there)).code, 0);
    const info = ["client", "--transfer-info", "../one's folder/transfer.info"];
    const missing = await xfer([...info, "get", "none"], here);
    const list = await type(advised(missing.stderr));
    assert.deepEqual([list.code, /a\.txt/.test(list.stdout)], [0, true], list.stderr);
    // Pretend that the client knows another key of the server.
    const known = `${there}/known_servers`;
    const text = await Deno.readTextFile(known);
    await Deno.writeTextFile(known, text.replace(/SHA256:\S+/, `SHA256:${"A".repeat(43)}`));
    const other = await xfer([...info, "list"], here);
    const forgot = await type(advised(other.stderr));
    assert.equal(forgot.code, 0, forgot.stderr);
    const init = await xfer([
      ...["client", "--transfer-info", "../one's folder/second.info", "--accept-new", "init"],
      ...["--server", `127.0.0.1:${fixture.server.port}`, "--name", "Alice"],
    ], here);
    await Deno.writeTextFile(`${here}/b.txt`, "b");
    const stored = await type(advised(init.stderr).replace("FILE", "b.txt"));
    assert.equal(stored.code, 0, stored.stderr);
  },
});

Deno.test({
  name: "hints: operator commands include the data folder",
  ignore,
  async fn() {
    const { fixture, here, type } = await prepare();
    await using _fixture = fixture;
    const data = ["--data", "../data"];
    for (
      const command of [
        ["invite", "revoke", "0".repeat(12)],
        ["users", "disable", "Nobody"],
        ["export", "Nobody", "a", "b"],
      ]
    ) {
      const failed = await xfer(["server", ...command, ...data], here);
      assert.equal(failed.code, 2, failed.stderr);
      const done = await type(advised(failed.stderr));
      assert.equal(done.code, 0, `${failed.stderr}${done.stderr}`);
    }
  },
});

Deno.test({
  name: "hints: the advice of verify works for the data folder that it read",
  ignore,
  async fn() {
    const { fixture, there, here, type } = await prepare();
    await using _fixture = fixture;
    await Deno.writeFile(`${there}/large`, new Uint8Array(100_000));
    await Deno.writeFile(`${there}/other`, new Uint8Array(100_000));
    const put = ["client", "put", "large", "other", "--accept-new"];
    assert.equal((await xfer(put, there)).code, 0);
    await fixture.server.stop();
    const [account] = await Array.fromAsync(Deno.readDir(`${fixture.data}/files`));
    const stored = `${fixture.data}/files/${account?.name}`;
    const [lost] = await Array.fromAsync(Deno.readDir(stored));
    await Deno.remove(`${stored}/${lost?.name}`);
    const found = await xfer(["server", "verify", "--data", "../data"], here);
    assert.equal(found.code, 6, found.stderr);
    const repaired = await type(advised(found.stderr.replace(/--repair\. .*/, "--repair.")));
    assert.match(repaired.stderr, /removed them from the catalog/);
    assert.equal((await xfer(["server", "verify", "--data", "../data"], here)).code, 0);
  },
});
