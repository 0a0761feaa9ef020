/** The file with the server's settings: forms of values, and files that are refused. */
import assert from "node:assert/strict";
import { toServerOptions } from "../../../cli/configuration/server_options.ts";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { settle, type Texts } from "../../support/settings.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

Deno.test("a file may have counts, sizes and rates as numbers, and lists as arrays or texts", async () => {
  const settings = await settle({
    file: [
      "quota = 10_000_000_000",
      "max-connections = 0x10",
      "max-file-size = 1e9",
      "min-rate = 0",
      'listen = ["127.0.0.1:1", "127.0.0.1:2=2024"]',
      'edition = "2022,2024"',
    ].join("\n"),
  });
  assert.equal(settings.quota.value, 1e10);
  assert.equal(settings["max-connections"].value, 16);
  assert.equal(settings["max-file-size"].value, 1e9);
  assert.equal(settings["min-rate"].value, 0);
  const { listen, limits } = toServerOptions(settings);
  assert.deepEqual(
    listen.map(({ port, editions }) => [port, editions?.map(({ name }) => name)]),
    [[1, ["2022", "2024"]], [2, ["2024"]]],
  );
  assert.deepEqual(limits, {
    ...DEFAULT_LIMITS,
    ...{ quota: 1e10, maxConnections: 16, maxFileSize: 1e9, minRate: 0 },
  });
});

const EXAMPLE = /--example/;
const BAD_FILES: readonly [file: string, code: string, message: RegExp, hint: RegExp][] = [
  ["a = = 1", "bad-config", /server\.toml line 1, column 5: /, /KEY = VALUE/],
  ["\n\nquota = 1\nquota = 2", "bad-config", /line 4, column 1: .*redefine/, /KEY = VALUE/],
  ['\n# x\nquotta = "1"', "unknown-setting", /line 3: .*"quotta"/, /^Did you mean 'quota'\?$/],
  ["max_file_size = 1", "unknown-setting", /"max_file_size"/, /^Did you mean 'max-file-size'\?$/],
  ["flavor = 1", "unknown-setting", /"flavor"/, EXAMPLE],
  ["config = 1", "unknown-setting", /"config"/, EXAMPLE],
  ["quota = 1\n[limits]\nquota = 1", "unknown-setting", /line 2: .*"limits"/, /without tables/],
  ["limits.quota = 1", "unknown-setting", /line 1: .*"limits"/, /without tables/],
  ["__proto__ = 1", "unknown-setting", /"__proto__"/, EXAMPLE],
  ['"\\u202E" = 1', "unknown-setting", /"\\u\{202e\}"/, EXAMPLE],
  [
    'quota = "10 gigs"',
    "bad-setting",
    /line 1, quota: invalid value "10 gigs": expected a size/,
    EXAMPLE,
  ],
  ["quota = -1", "bad-setting", /line 1, quota: invalid value "-1": expected a size/, EXAMPLE],
  [
    "max-connections = 0",
    "bad-setting",
    /"0": expected a number such as 4096.*, at least 1$/,
    EXAMPLE,
  ],
  ['max-connections = "0"', "bad-setting", /"0": .*, at least 1$/, EXAMPLE],
  ['idle-timeout = "0s"', "bad-setting", /"0s": .*, at least 1ms$/, EXAMPLE],
  ["quota = 1.5", "bad-setting", /invalid value 1\.5: expected a size/, EXAMPLE],
  ["quota = inf", "bad-setting", /invalid value Infinity: expected a size/, EXAMPLE],
  ["quota = true", "bad-setting", /invalid value true: expected a size/, EXAMPLE],
  [
    "quota = 99999999999999999999",
    "bad-setting",
    /invalid value "9{20}": expected a size/,
    EXAMPLE,
  ],
  [
    `quota = "${"x".repeat(100)}"`,
    "bad-setting",
    /invalid value "x{40}…": expected a size/,
    EXAMPLE,
  ],
  ["quota = [1]", "bad-setting", /invalid type: an array$/, /quota = "none"/],
  [
    "idle-timeout = 30",
    "bad-setting",
    /invalid value 30: expected a time such as 500ms, 30s/,
    EXAMPLE,
  ],
  ["grace = 1979-05-27", "bad-setting", /invalid type: a date$/, /grace = "30s"/],
  ["data = 5", "bad-setting", /invalid value 5$/, /data = "5"/],
  ['data = ""', "bad-setting", /invalid value "": expected the path of a folder$/, EXAMPLE],
  ["data.dir = 5", "bad-setting", /invalid type: a table$/, /data = ".\/xfer-data"/],
  ["edition = [2024]", "bad-setting", /invalid type: an array$/, /edition = \["2023c"/],
  [
    'edition = "2025"',
    "bad-setting",
    /invalid value "2025": expected one or more of 2023c,/,
    EXAMPLE,
  ],
  ['listen = ["here"]', "bad-setting", /invalid value "here": expected HOST:PORT/, EXAMPLE],
  ["listen = []", "bad-setting", /invalid value "": expected HOST:PORT/, EXAMPLE],
  ['tls-listen = "maybe"', "bad-setting", /invalid value "maybe": .*"beside" or "none"$/, EXAMPLE],
  [
    'registration = "invit"',
    "bad-setting",
    /"invit": expected one of open, invite, closed$/,
    EXAMPLE,
  ],
  ['log-format = "xml"', "bad-setting", /"xml": expected one of human, json$/, EXAMPLE],
];

for (const [file, code, message, hint] of BAD_FILES) {
  Deno.test(`an invalid file is refused, with line and key: ${JSON.stringify(file.slice(0, 40))}`, async () => {
    for (const options of [{}, { quota: "1", data: "/d" }] satisfies Texts[]) {
      await assert.rejects(
        settle({ file, options }),
        { name: "ConfigurationError", code, message, hint },
        "even if an option overrides it",
      );
    }
  });
}

Deno.test("an unreadable file is refused, with the reason", async () => {
  await using folder = await TemporaryFolder.create();
  const large = await folder.write("large.toml", "#".repeat(64 * 1024 + 1));
  const latin = await folder.write("latin.toml", new Uint8Array([0x23, 0xe4]));
  const cases: readonly [path: string, message: RegExp][] = [
    [folder.join("absent.toml"), /absent\.toml: no such file$/],
    [folder.path, /not a file$/],
    [large, /larger than 65536 bytes$/],
    [latin, /not UTF-8$/],
  ];
  for (const [config, message] of cases) {
    await assert.rejects(settle({ options: { config } }), {
      ...{ name: "ConfigurationError", code: "bad-config", message, hint: /XFER_CONFIG/ },
    });
  }
});
