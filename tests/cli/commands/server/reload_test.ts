/** What SIGHUP does about the settings, with files and a server that only notes what it is told. */
import assert from "node:assert/strict";
import { reset } from "@logtape/logtape";
import { readConfiguration } from "../../../../cli/configuration/configuration.ts";
import { Reloader } from "../../../../cli/commands/server/reload.ts";
import type { SettingChanges } from "../../../../server/limits/live_settings.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";
import { takeLogs } from "../../../support/server_log.ts";

interface Scene {
  readonly write: (file: string) => Promise<unknown>;
  readonly reload: () => Promise<void>;
  readonly reloader: Reloader;
  /** What the server was told. */
  readonly told: SettingChanges[];
  /** Events in the log, with what was said of them; empty again when asked. */
  readonly logged: () => [event: unknown, words: string][];
}

async function withReloader(
  file: string | undefined,
  work: (scene: Scene) => Promise<void>,
  reload: (changes: SettingChanges) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("server.toml");
  const write = (text: string) => Deno.writeTextFile(path, text);
  if (file !== undefined) await write(file);
  let log: [unknown, string][] = [];
  await takeLogs(
    "info",
    ({ properties, message }) => log.push([properties["event"], message.join("")]),
  );
  try {
    const read = () =>
      readConfiguration({
        options: { versions: "5", ...(file === undefined ? {} : { config: path }) },
        variable: (name) => name === "XFER_MAX_PARKED" ? "6" : undefined,
      });
    const told: SettingChanges[] = [];
    const server = {
      reload: (changes: SettingChanges) => {
        told.push(changes);
        return reload(changes);
      },
    };
    const reloader = new Reloader(server, (await read()).settings, read);
    const logged = () => log.splice(0);
    log = [];
    await work({ write, reload: () => reloader.reload(), reloader, told, logged });
  } finally {
    await reset();
  }
}

Deno.test("reload: limits, registration and grace are in force at once, and the log says which, and what they were", async () => {
  await withReloader(
    'quota = "1GB"\ngrace = "1m"',
    async ({ write, reload, reloader, told, logged }) => {
      await write('quota = "2GB"\nregistration = "closed"\nmax-file-size = 5\nversions = 9');
      await reload();
      assert.equal(told.length, 1);
      const { limits, registration } = told[0] ?? {};
      assert.deepEqual(
        [limits?.quota, limits?.maxFileSize, limits?.versions, limits?.maxParked, registration],
        [2e9, 5, 5, 6, "closed"],
        "an option and a variable still go before the file",
      );
      assert.equal(reloader.inForce.grace.value, 30_000, "what is not in the file any more");
      assert.deepEqual(logged(), [[
        "server.reloaded",
        "In force now: registration closed (it was open), grace 30s (it was 1m), " +
        "max-file-size 5 (it was none), quota 2GB (it was 1GB)",
      ]]);
    },
  );
});

Deno.test("reload: what needs a restart stays as it was, is told each time, and keeps nothing else back", async () => {
  await withReloader("", async ({ write, reload, reloader, told, logged }) => {
    await write('listen = ["127.0.0.1:5", "[::1]:5"]\ndata = "/d"\nquota = 5');
    const later = "Changed, and in force only when the server is started again: " +
      "data /d (it was ./xfer-data), listen 127.0.0.1:5 [::1]:5 (it was 0.0.0.0:1256)";
    await reload();
    assert.deepEqual(logged(), [
      ["server.reloaded", "In force now: quota 5 (it was none)"],
      ["server.restart-needed", later],
    ]);
    await reload();
    assert.deepEqual(logged(), [["server.restart-needed", later]]);
    assert.equal(reloader.inForce.data.text, "./xfer-data");
    assert.deepEqual(told.map(({ limits }) => limits?.quota), [5, 5]);
  });
});

Deno.test("reload: where the file is broken nothing changes, the certificate neither, and the log says why", async () => {
  await withReloader("quota = 5", async ({ write, reload, reloader, told, logged }) => {
    const broken: readonly [file: string, words: string][] = [
      [
        "quota = 6\nquotta = 7",
        'there is no setting "quotta" [unknown-setting] Did you mean quota?',
      ],
      ['registration = "closed"\nquota = "x"', 'quota: found "x" [bad-setting] Expected a size'],
      ["quota = 6\n[", "server.toml line 2, column "],
      ['tls-cert = "a"', "tls-cert is given without tls-key [tls-cert-and-key]"],
    ];
    for (const [file, words] of broken) {
      await write(file);
      await reload();
      const [line, ...more] = logged();
      assert.deepEqual([line?.[0], more], ["server.not-reloaded", []]);
      assert.ok(line?.[1].startsWith("All settings stay as they were: "), line?.[1]);
      assert.ok(line?.[1].includes(words), line?.[1]);
    }
    assert.equal(reloader.inForce.quota.value, 5);
    assert.deepEqual(told, []);
    await write("quota = 6");
    await reload();
    assert.deepEqual(logged(), [["server.reloaded", "In force now: quota 6 (it was 5)"]]);
  });
});

Deno.test("reload: the same in other words is no change", async () => {
  await withReloader('quota = "10GB"', async ({ write, reload, told, logged }) => {
    await write('quota = 10_000_000_000\nlisten = "0.0.0.0:1256"');
    await reload();
    assert.deepEqual(logged(), [["server.unchanged", "All settings are the same as before"]]);
    assert.equal(told.length, 1, "the certificate is read all the same");
  });
});

Deno.test("reload: without a file only the certificate is read again", async () => {
  await withReloader(undefined, async ({ reload, told, logged }) => {
    await reload();
    assert.deepEqual([logged(), told.length], [[], 1]);
  });
});

Deno.test("reload: one after the other, and many signals at once are no more than two", async () => {
  const begun = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  let running = 0;
  await withReloader("quota = 1", async ({ write, reload, told }) => {
    const all = [reload()];
    await begun.promise;
    await write("quota = 2");
    for (let i = 0; i < 100; i++) all.push(reload());
    first.resolve();
    await Promise.all(all);
    assert.deepEqual(told.map(({ limits }) => limits?.quota), [1, 2]);
  }, async () => {
    assert.equal(++running, 1);
    begun.resolve();
    await first.promise;
    running--;
  });
});

Deno.test("reload: a certificate that can't be used keeps no limits back", async () => {
  await withReloader(
    "quota = 1",
    async ({ write, reload, reloader }) => {
      await write("quota = 2");
      await reload();
      assert.equal(reloader.inForce.quota.value, 2);
    },
    () => Promise.reject(new Error("a bad certificate")),
  );
});
