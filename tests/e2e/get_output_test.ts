/** `get -o -`: the content goes to standard output, and all else to standard error. */
import assert from "node:assert/strict";
import { READER_ENDED } from "../../cli/exit_codes.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { checkEvent } from "../support/events.ts";
import { Alice } from "../support/e2e/alice.ts";
import { command } from "../support/processes.ts";

const content = pseudoRandomBytes(3_000_000);

async function withFile(body: (alice: Alice) => Promise<void>): Promise<void> {
  await using alice = await Alice.create();
  await Deno.writeFile(`${alice.here}/a`, content);
  const { code, stderr } = await alice.run("--accept-new", "put", "a", "--as", "docs/a");
  assert.equal(code, 0, stderr);
  await body(alice);
}

const get = ({ here }: Alice, ...args: readonly string[]) =>
  command(["client", "get", ...args], { cwd: here, stdout: "piped", stderr: "piped" });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("get -o -: standard output has the content alone, in every form of output", async () => {
  await withFile(async (alice) => {
    const words = await get(alice, "docs/a", "-o", "-").output();
    assert.equal(words.code, 0, text(words.stderr));
    assert.ok(equalBytes(new Uint8Array(words.stdout), content));
    assert.match(
      text(words.stderr),
      /^Downloaded docs\/a to standard output \(.*, cksum \d+\)\n$/m,
    );

    const quiet = await get(alice, "docs/a", "-o", "-", "--quiet", "--range", "5-9").output();
    assert.ok(equalBytes(new Uint8Array(quiet.stdout), content.slice(5, 10)));
    assert.equal(text(quiet.stderr), "");

    const json = await get(alice, "docs/a", "-o", "-", "--json").output();
    assert.ok(equalBytes(new Uint8Array(json.stdout), content));
    const events = text(json.stderr).trim().split("\n").map((line) => JSON.parse(line));
    for (const event of events) checkEvent(event);
    const got = events.find(({ event }) => event === "got");
    assert.deepEqual([got?.name, got?.target, got?.size], ["docs/a", "-", content.length]);
  });
});

Deno.test("get -o -: a reader that ends early ends the command quietly, with the code of SIGPIPE", async () => {
  await withFile(async (alice) => {
    const process = get(alice, "docs/a", "-o", "-").spawn();
    const reader = process.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const stderr = await new Response(process.stderr).text();
    const { code } = await process.status;
    assert.equal(code, READER_ENDED);
    assert.equal(stderr, "");
  });
});

Deno.test("get -o -: a failure has its own code, and what was written is the beginning of the file", async () => {
  await withFile(async (alice) => {
    const missing = await get(alice, "docs/b", "-o", "-").output();
    assert.deepEqual([missing.code, missing.stdout.length], [5, 0]);
    assert.match(text(missing.stderr), /no such file: docs\/b \[no-such-file\]/);
    for await (const { name } of Deno.readDir(`${alice.data}/files`)) {
      for await (const blob of Deno.readDir(`${alice.data}/files/${name}`)) {
        using file = await Deno.open(`${alice.data}/files/${name}/${blob.name}`, { write: true });
        await file.seek(2_500_000, Deno.SeekMode.Start);
        await file.write(new Uint8Array(10));
      }
    }
    const damaged = await get(alice, "docs/a", "-o", "-").output();
    assert.notEqual(damaged.code, 0);
    const { length } = damaged.stdout;
    assert.ok(length < content.length);
    assert.ok(equalBytes(new Uint8Array(damaged.stdout), content.slice(0, length)));
  });
});
