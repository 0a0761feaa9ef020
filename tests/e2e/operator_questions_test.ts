/** The common questions in docs/operations.md: each command answers what the page says. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { fencesIn } from "../support/markdown.ts";
import { writeLauncher } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import { Uploader } from "../support/v4/raw_client.ts";

const PAGE = new URL("../../docs/operations.md", import.meta.url);
/** The page's paths and its id of a connection. */
const PATHS = ["/etc/xfer/server.toml", "/srv/xfer", "/var/log/xfer", "/mnt/backup"];
const ID = "3f9a1c07";

/** Removes what differs on each machine, and at each time. */
function plain(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{8}\b(?= {2}\w|$)/gm, "ID")
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?/g, "TIME")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ/g, "STATE")
    .replaceAll(/\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000/g, "TIME")
    .replaceAll(/\b(?:\d{1,3}\.){3}\d{1,3}(:\d+)?/g, "ADDRESS")
    .replaceAll(/\buid \d+/g, "uid N").replaceAll(/\(\d+ ms\)/g, "(N ms)")
    .replaceAll(/[\d.]+ \w+\/s\b/g, "RATE")
    .replaceAll(/^ +/gm, "").trim();
}

Deno.test({
  name: "questions of an operator: each command of the page answers what the page says",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using world = await TemporaryFolder.createOnDisk();
    const placed = (text: string) =>
      PATHS.reduce((text, path) => text.replaceAll(path, world.join(path)), text);
    for (const path of PATHS) {
      const folder = path.endsWith(".toml") ? path.replace(/\/[^/]+$/, "") : path;
      await Deno.mkdir(world.join(folder), { recursive: true, mode: 0o700 });
    }
    const [section = ""] = /^## Common questions$[^]*?(?=^## )/m.exec(
      await Deno.readTextFile(PAGE),
    ) ?? [];
    const fences = fencesIn(section);
    const [settings] = fences.filter(({ info }) => info === "toml");
    await world.write(
      "etc/xfer/server.toml",
      `${placed(settings?.text ?? "").replace("127.0.0.1:9256", `unix:${world.join("admin")}`)}
listen = "127.0.0.1:0"\n`,
    );
    await writeLauncher(world.join("bin"));
    const shell = (commands: string) =>
      tiedCommand("sh", {
        args: ["-euc", `exec 2>&1\n${placed(commands)}`],
        env: {
          ...{ NO_COLOR: "1", XFER_CONFIG: world.join(PATHS[0] ?? "") },
          PATH: `${world.join("bin")}:${Deno.env.get("PATH")}`,
        },
        ...{ stdin: "null", stdout: "piped", stderr: "inherit" },
      }).spawn();
    const run = async (commands: string) => {
      const child = shell(commands);
      const [printed] = await Promise.all([new Response(child.stdout).text(), child.status]);
      return printed;
    };
    const server = shell("exec xfer server");
    const ended = new Response(server.stdout).text();
    const log = async () => {
      const text = await Deno.readTextFile(world.join("var/log/xfer/server.log")).catch(() => "");
      return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
    };
    const logged = async (event: string) => {
      for (;;) {
        const found = (await log()).findLast((line) => line.event === event);
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    try {
      const { location } = await logged("server.listening-securely");
      const { port } = await logged("server.listening");
      const client = async (user: string, ...args: string[]) => {
        await world.write(`${user}/transfer.info`, `${location}\n${user}\n`);
        return (await xfer(["client", ...args], world.join(user))).code;
      };
      for (const user of ["Alice", "Bob"]) {
        await Deno.mkdir(world.join(user, "photos"), { recursive: true, mode: 0o700 });
      }
      await world.write("Alice/photos/sea.jpg", pseudoRandomBytes(2_621_440, 1));
      await world.write("Bob/notes.txt", "notes\n");
      assert.equal(await client("Alice", "put", "photos"), 0);
      assert.equal(await client("Alice", "get", "photos/sea.jpg", "-o", "back.jpg"), 0);
      assert.equal(await client("Bob", "put", "notes.txt"), 0);
      await run("xfer server backup /mnt/backup");
      await run("xfer server users disable Bob");
      assert.equal(await client("Bob", "put", "notes.txt"), 5);
      const where = { server: { address: { hostname: "127.0.0.1", port } }, folder: world };
      using alice = await Uploader.login(where as never, "Alice");
      const content = pseudoRandomBytes(3 * CHUNK_SIZE, 2);
      await alice.send(await alice.begin(content, { name: "videos/sea.mkv" }), content, 0);

      let id = "";
      for (const [i, { info, text }] of fences.entries()) {
        if (info !== "sh") continue;
        const printed = await run(text.replaceAll(ID, id));
        id = /^([0-9a-f]{8}) {2}/m.exec(printed)?.[1] ?? id;
        const next = fences[i + 1];
        if (next?.info === "text") assert.equal(plain(printed), plain(next.text), text);
        // The received part is kept, and counts.
        if (text.includes("--end")) await logged("file.held");
      }
    } finally {
      server.kill("SIGTERM");
      await Promise.all([ended, server.status]);
    }
  },
});
