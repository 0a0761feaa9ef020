/** The server's settings: precedence of their sources, and settings that need each other. */
import assert from "node:assert/strict";
import { readConfiguration } from "../../../cli/configuration/configuration.ts";
import { exampleFile } from "../../../cli/configuration/example.ts";
import { locationIn, toServerOptions } from "../../../cli/configuration/server_options.ts";
import {
  type Key,
  KEYS,
  parseSetting,
  SETTINGS,
  shownText,
  variableOf,
} from "../../../cli/configuration/settings.ts";
import { commandsOf, makeProgram } from "../../../cli/program.ts";
import { Run } from "../../../cli/run.ts";
import { toLine } from "../../../cli/configuration/toml.ts";
import { settle, type Texts } from "../../support/settings.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

/** Three texts for each setting, all different and none its default. */
const TEXTS: Readonly<Record<string, readonly [string, string, string]>> = {
  "data": ["/a", "/b", "/c"],
  "listen": ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3 [::1]:4=2024"],
  "tls-listen": ["127.0.0.1:1", "none", "127.0.0.1:3"],
  "advertise": ["h:1", "[::1]:2", "h:3,4"],
  "edition": ["2024", "2023a", "2023c,2022"],
  "registration": ["invite", "closed", "invite"],
  "log-format": ["json", "human", "json"],
  "proxy-protocol": ["10.0.0.0/8", "192.0.2.1", "::1 fd00::/64"],
  "hook-url": ["https://a/b", "http://127.0.0.1:1/", "https://c"],
  "hook-events": ["stored", "refused,damaged", "downloaded"],
  "hook-http": ["any", "loopback", "any"],
  "log-file": ["a.log", "b.log", "c.log"],
  "access-log": ["a.log", "b.log", "c.log"],
  "log-rotate-size": ["5KiB", "6MB", "none"],
  "log-rotate": ["none", "hourly", "none"],
  "history": ["5m", "6h", "7d"],
  "check-interval": ["5m", "6h", "7d"],
  "admin-listen": ["127.0.0.1:1", "unix:/run/a", "[::1]:3 0.0.0.0:4"],
  "server-name": ["a", "b-1.example.org", "c_2"],
  "catalog": ["postgres://a@h/d", "sqlite", "postgresql://h/d?sslmode=disable"],
  "blobs": ["s3://a", "disk", "s3://a/b/c"],
};
const QUANTITIES: Readonly<Record<string, readonly [string, string, string]>> = {
  time: ["5ms", "6s", "7m"],
  size: ["5KiB", "6MB", "7"],
  rate: ["5KiB", "6MB", "7"],
  count: ["5", "6", "7"],
};
/** Settings that require each other. */
const TOGETHER: readonly Key[] = [
  ...["tls-cert", "tls-key", "s3-endpoint", "s3-region", "admin-token-file"] as const,
  "hook-secret-file",
];

for (const key of KEYS.filter((key) => !TOGETHER.includes(key))) {
  Deno.test(`${key}: an option overrides ${variableOf(key)}, which overrides the file, which overrides the default`, async () => {
    const texts = TEXTS[key] ?? QUANTITIES[SETTINGS[key].placeholder];
    assert.ok(texts !== undefined, `${key} has no texts here`);
    const [option, variable, inFile] = texts;
    const given = { option: false, variable: false, file: false };
    for (let mask = 0; mask < 8; mask++) {
      given.option = (mask & 1) > 0;
      given.variable = (mask & 2) > 0;
      given.file = (mask & 4) > 0;
      const { [key]: settled } = await settle({
        options: given.option ? { [key]: option } : {},
        variables: given.variable ? { [variableOf(key)]: variable } : {},
        ...(given.file ? { file: `\n${toLine(key, inFile)}` } : {}),
      });
      const [text, kind, where] = given.option
        ? [option, "option", `--${key}`]
        : given.variable
        ? [variable, "environment", variableOf(key)]
        : given.file
        ? [inFile, "file", /server\.toml line 2$/]
        : [SETTINGS[key].default, "default", ""];
      assert.deepEqual([settled.text, settled.source.kind], [text, kind]);
      if (where instanceof RegExp) assert.match(settled.source.where, where);
      else assert.equal(settled.source.where, where);
      assert.deepEqual(settled.value, parseSetting(key, text));
    }
  });
}

Deno.test("hook-secret-file requires hook-url, and both are passed on with the kinds of events", async () => {
  const file = 'hook-secret-file = "/s"';
  await assert.rejects(settle({ file }), {
    name: "ConfigurationError",
    code: "hook-secret-unused",
  });
  const options = { "hook-url": "https://a/b", "hook-events": "stored,refused" };
  const { hook } = toServerOptions(await settle({ file, options }));
  assert.deepEqual(hook, {
    ...{ url: "https://a/b", secretFile: "/s", kinds: ["stored", "refused"] },
    isPlainAllowed: false,
  });
  assert.equal("hook" in toServerOptions(await settle({})), false);
});

Deno.test("admin-token-file requires admin-listen, and both are passed on", async () => {
  const file = 'admin-token-file = "/t"';
  await assert.rejects(settle({ file }), {
    name: "ConfigurationError",
    code: "admin-token-unused",
  });
  const settings = await settle({ file, options: { "admin-listen": "0.0.0.0:1 unix:/a" } });
  const { admin } = toServerOptions(settings);
  assert.deepEqual(admin?.listen, [{ hostname: "0.0.0.0", port: 1 }, { path: "/a" }]);
  assert.equal(admin?.tokenFile, "/t");
});

Deno.test("admin-listen and server-name: invalid values are refused", async () => {
  for (const text of ["9256", "unix:", "127.0.0.1:1,127.0.0.1:2", "http://localhost:1"]) {
    await assert.rejects(settle({ options: { "admin-listen": text } }), text);
  }
  for (const text of ["a b", "a\n", '"', "x".repeat(64)]) {
    await assert.rejects(settle({ options: { "server-name": text } }), text);
  }
});

Deno.test("certificate and key may come from different sources, but each requires the other", async () => {
  const variables = { XFER_TLS_KEY: "/k" };
  const settings = await settle({ options: { "tls-cert": "/c" }, variables });
  assert.deepEqual(toServerOptions(settings).tlsFiles, { certificate: "/c", key: "/k" });
  await assert.rejects(settle({ variables }), {
    name: "ConfigurationError",
    code: "tls-cert-and-key",
    message: "XFER_TLS_KEY requires tls-cert",
  });
  await assert.rejects(settle({ file: 'tls-cert = "/c"' }), {
    name: "ConfigurationError",
    message: /server\.toml line 1, tls-cert requires tls-key$/,
  });
  await assert.rejects(settle({ options: { "tls-cert": "/c" } }), { name: "UsageError" });
  await assert.rejects(
    settle({ options: { "tls-cert": "/c" }, variables, file: 'tls-listen = "none"' }),
    { name: "UsageError", code: "tls-cert-unused" },
  );
  const none = await settle({ options: { "tls-cert": "", "tls-key": "" }, variables });
  assert.equal(toServerOptions(none).tlsFiles, undefined, "an option takes them back");
});

Deno.test("--config names the file, otherwise XFER_CONFIG; an empty variable counts as unset", async () => {
  await using folder = await TemporaryFolder.create();
  const [a, b] = [
    await folder.write("a.toml", 'quota = "1"'),
    await folder.write("b.toml", 'quota = "2"'),
  ];
  const quota = async (options: Texts, variables: Readonly<Record<string, string>>) => {
    const read = await readConfiguration({ options, variable: (name) => variables[name] });
    return [read.file, read.settings.quota.value];
  };
  assert.deepEqual(await quota({ config: a }, { XFER_CONFIG: b }), [a, 1]);
  assert.deepEqual(await quota({}, { XFER_CONFIG: b }), [b, 2]);
  assert.deepEqual(await quota({}, { XFER_CONFIG: "", XFER_QUOTA: "" }), [undefined, Infinity]);
});

Deno.test("an invalid variable is refused by its name, even if an option overrides it", async () => {
  for (const options of [{}, { quota: "1" }] satisfies Texts[]) {
    await assert.rejects(settle({ options, variables: { XFER_QUOTA: "much" } }), {
      ...{ name: "ConfigurationError", code: "bad-setting", hint: /--example/ },
      message: /^XFER_QUOTA: invalid value "much": expected a size such as/,
    });
  }
  await assert.rejects(settle({ variables: { XFER_LISTEN: "127.0.0.1:1 nowhere" } }), {
    message: /^XFER_LISTEN: invalid value "127\.0\.0\.1:1 nowhere": expected HOST:PORT/,
  });
});

Deno.test("an object store's endpoint and region require blobs there, from any source", async () => {
  const options = { "s3-endpoint": "https://s3.example.org" };
  const variables = { XFER_S3_REGION: "eu", XFER_BLOBS: "s3://files/xfer" };
  const { objectStore, blobs } = toServerOptions(await settle({ options, variables }));
  assert.deepEqual({ objectStore, blobs }, {
    objectStore: { endpoint: "https://s3.example.org", region: "eu" },
    blobs: "s3://files/xfer",
  });
  await assert.rejects(settle({ options }), { name: "UsageError", code: "object-store-unused" });
  await assert.rejects(settle({ file: 's3-region = "eu"' }), { name: "ConfigurationError" });
});

Deno.test("a data folder is named by its path, and stores elsewhere by their URLs", async () => {
  assert.equal(locationIn(await settle({ options: { "data": "/a", "catalog": "sqlite" } })), "/a");
  const there = await settle({ options: { "data": "/a", "catalog": "postgres://h/d" } });
  assert.deepEqual(locationIn(there), {
    dataFolder: "/a",
    catalog: "postgres://h/d",
    blobs: undefined,
    objectStore: { endpoint: undefined, region: undefined },
  });
});

Deno.test("a password in a URL is never shown", async () => {
  const secret = "s3cr3t";
  const urls = [
    `postgres://user:${secret}@host/db`,
    `postgres://user@host/db?password=${secret}&sslmode=disable`,
  ];
  for (const url of urls) assert.ok(!shownText("catalog", url).includes(secret), url);
  for (const url of [`https://example.org/x?token=${secret}`, `http://localhost/#${secret}`]) {
    assert.ok(!shownText("hook-url", url).includes(secret), url);
  }
  assert.equal(shownText("hook-url", "https://example.org/x?a=b"), "https://example.org/x?…");
  assert.equal(
    shownText("catalog", "postgres://user@host:5432/db"),
    "postgres://user@host:5432/db",
  );
  for (const text of [`mysql://u:${secret}@h`, `//u:${secret}@h`]) {
    const error = await settle({ variables: { XFER_CATALOG: text } }).catch((error) => error);
    assert.equal(error.code, "bad-setting");
    assert.ok(!error.message.includes(secret), error.message);
  }
});

Deno.test("the example file explains each setting, and its lines have the defaults", async () => {
  const example = exampleFile().split("\n");
  assert.deepEqual(example.filter((line) => line.length > 100 || /^[^#]/.test(line)), []);
  const settings = await settle({
    file: example.map((line) => line.replace(/^#(?=[a-z0-9-]+ = )/, "")).join("\n"),
  });
  const words = example.map((line) => line.replace(/^# /, "")).join(" ");
  for (const key of KEYS) {
    assert.equal(settings[key].source.kind, "file", key);
    assert.deepEqual(settings[key].value, parseSetting(key, SETTINGS[key].default), key);
    assert.ok(words.includes(SETTINGS[key].what.slice(1)), key);
  }
});

Deno.test("settings with a fixed set of values have them as choices for completions", async () => {
  const program = await makeProgram(new Run());
  const server = commandsOf(program).find((command) => command.name() === "server");
  const choicesOf = (key: Key) =>
    server?.options.find(({ long }) => long === `--${key}`)?.argChoices;
  assert.deepEqual(choicesOf("registration"), ["open", "invite", "closed"]);
  assert.deepEqual(choicesOf("log-format"), ["human", "json"]);
  assert.deepEqual(choicesOf("edition")?.slice(0, 2), ["2023c", "2023a"]);
  for (const key of KEYS) {
    for (const choice of SETTINGS[key].choices ?? []) parseSetting(key, choice);
  }
  assert.equal(parseSetting("edition", "2022,2024").length, 2);
});
