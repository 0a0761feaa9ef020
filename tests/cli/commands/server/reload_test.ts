/** Reloading the settings at SIGHUP, with files and a server that only records the changes. */
import assert from "node:assert/strict";
import { reset } from "@logtape/logtape";
import { readConfiguration } from "../../../../cli/configuration/configuration.ts";
import { Reloader } from "../../../../cli/commands/server/reload.ts";
import type { SettingChanges } from "../../../../server/limits/live_settings.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";
import { takeLogs } from "../../../support/server_log.ts";

interface Fixture {
  readonly write: (file: string) => Promise<unknown>;
  readonly reload: () => Promise<void>;
  readonly reloader: Reloader;
  /** The changes that the server received. */
  readonly applied: SettingChanges[];
  /** Events in the log, with their messages; a call empties the list. */
  readonly logged: () => [event: unknown, words: string][];
}

async function withReloader(
  file: string | undefined,
  work: (fixture: Fixture) => Promise<void>,
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
        options: { "max-connections": "5", ...(file === undefined ? {} : { config: path }) },
        variable: (name) => name === "XFER_MAX_PARKED" ? "6" : undefined,
      });
    const applied: SettingChanges[] = [];
    const server = {
      reload: (changes: SettingChanges) => {
        applied.push(changes);
        return reload(changes);
      },
    };
    const reloader = new Reloader(server, (await read()).settings, read);
    const logged = () => log.splice(0);
    log = [];
    await work({ write, reload: () => reloader.reload(), reloader, applied, logged });
  } finally {
    await reset();
  }
}

Deno.test("reload: limits, registration and grace apply at once; the log has the new and the old values", async () => {
  await withReloader(
    'quota = "1GB"\ngrace = "1m"',
    async ({ write, reload, reloader, applied, logged }) => {
      await write('quota = "2GB"\nregistration = "closed"\nmax-file-size = 5\nmax-connections = 9');
      await reload();
      assert.equal(applied.length, 1);
      const { limits, registration } = applied[0] ?? {};
      assert.deepEqual(
        [
          limits?.quota,
          limits?.maxFileSize,
          limits?.maxConnections,
          limits?.maxParked,
          registration,
        ],
        [2e9, 5, 5, 6, "closed"],
        "an option and a variable still take precedence over the file",
      );
      assert.equal(
        reloader.effective.grace.value,
        30_000,
        "a setting that was removed from the file",
      );
      assert.deepEqual(logged(), [[
        "server.reloaded",
        "Reloaded the settings: registration closed (was open), grace 30s (was 1m), " +
        "quota 2GB (was 1GB), max-file-size 5 (was none)",
      ]]);
    },
  );
});

Deno.test("reload: settings that need a restart keep their values and are logged each time; the others apply", async () => {
  await withReloader("", async ({ write, reload, reloader, applied, logged }) => {
    await write('listen = ["127.0.0.1:5", "[::1]:5"]\ndata = "/d"\nquota = 5');
    const later = "Some settings take effect only after a restart: " +
      "data /d (was ./xfer-data), listen 127.0.0.1:5 [::1]:5 (was 0.0.0.0:1256)";
    await reload();
    assert.deepEqual(logged(), [
      ["server.reloaded", "Reloaded the settings: quota 5 (was none)"],
      ["server.restart-needed", later],
    ]);
    await reload();
    assert.deepEqual(logged(), [["server.restart-needed", later]]);
    assert.equal(reloader.effective.data.text, "./xfer-data");
    assert.deepEqual(applied.map(({ limits }) => limits?.quota), [5, 5]);
  });
});

Deno.test("reload: an invalid file changes no setting and no certificate, and the log has the reason", async () => {
  await withReloader("quota = 5", async ({ write, reload, reloader, applied, logged }) => {
    const broken: readonly [file: string, words: string][] = [
      [
        "quota = 6\nquotta = 7",
        "unknown setting \"quotta\" [unknown-setting] Did you mean 'quota'?",
      ],
      ['registration = "closed"\nquota = "x"', 'quota: invalid value "x": expected a size'],
      ["quota = 6\n[", "server.toml line 2, column "],
      ['tls-cert = "a"', "tls-cert requires tls-key [tls-cert-and-key]"],
    ];
    for (const [file, words] of broken) {
      await write(file);
      await reload();
      const [line, ...more] = logged();
      assert.deepEqual([line?.[0], more], ["server.not-reloaded", []]);
      assert.ok(line?.[1].startsWith("Did not reload the settings: "), line?.[1]);
      assert.ok(line?.[1].includes(words), line?.[1]);
    }
    assert.equal(reloader.effective.quota.value, 5);
    assert.deepEqual(applied, []);
    await write("quota = 6");
    await reload();
    assert.deepEqual(logged(), [["server.reloaded", "Reloaded the settings: quota 6 (was 5)"]]);
  });
});

Deno.test("reload: the same value in another notation is no change", async () => {
  await withReloader('quota = "10GB"', async ({ write, reload, applied, logged }) => {
    await write('quota = 10_000_000_000\nlisten = "0.0.0.0:1256"');
    await reload();
    assert.deepEqual(logged(), [["server.unchanged", "Reloaded the settings: nothing changed"]]);
    assert.equal(applied.length, 1, "the certificate is reread anyway");
  });
});

Deno.test("reload: without a file, only the certificate is reread", async () => {
  await withReloader(undefined, async ({ reload, applied, logged }) => {
    await reload();
    assert.deepEqual([logged(), applied.length], [[], 1]);
  });
});

Deno.test("reload: reloads run one after the other, and many signals at once cause at most two", async () => {
  const begun = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  let running = 0;
  await withReloader("quota = 1", async ({ write, reload, applied }) => {
    const all = [reload()];
    await begun.promise;
    await write("quota = 2");
    for (let i = 0; i < 100; i++) all.push(reload());
    first.resolve();
    await Promise.all(all);
    assert.deepEqual(applied.map(({ limits }) => limits?.quota), [1, 2]);
  }, async () => {
    assert.equal(++running, 1);
    begun.resolve();
    await first.promise;
    running--;
  });
});

Deno.test("reload: limits apply even if the new certificate is unusable", async () => {
  await withReloader(
    "quota = 1",
    async ({ write, reload, reloader }) => {
      await write("quota = 2");
      await reload();
      assert.equal(reloader.effective.quota.value, 2);
    },
    () => Promise.reject(new Error("a bad certificate")),
  );
});
