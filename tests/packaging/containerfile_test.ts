/** packaging/Containerfile: its variables are settings, and its ports match. */
import assert from "node:assert/strict";
import { readConfiguration } from "../../cli/configuration/configuration.ts";
import { isLocal } from "../../server/mod.ts";
import { KEYS, variableOf } from "../../cli/configuration/settings.ts";

const CONTAINERFILE = new URL("../../packaging/Containerfile", import.meta.url);

Deno.test("Containerfile: its variables are settings of the server and match its ports and volume", async () => {
  const lines = (await Deno.readTextFile(CONTAINERFILE)).split("\n");
  const instruction = (name: string) =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1).split(" ") ?? [];
  const variables = new Map(
    instruction("ENV").map((one) => one.split(/=(.*)/s) as [string, string]),
  );
  const known = new Set(KEYS.map(variableOf));
  assert.deepEqual([...variables.keys()].filter((name) => !known.has(name)), []);
  const { settings } = await readConfiguration({
    options: {},
    variable: (name) => variables.get(name),
  });
  const listen = [...settings.listen.value, settings["tls-listen"].value];
  assert.deepEqual(
    listen.map((address) => typeof address === "string" ? address : `${address.port}`),
    instruction("EXPOSE"),
  );
  assert.deepEqual([settings.data.value], instruction("VOLUME"));
  // Its health check asks the server there.
  assert.ok(settings["admin-listen"].value.some(isLocal));
  assert.match(
    lines.join("\n"),
    /^HEALTHCHECK .* CMD \["\/usr\/local\/bin\/xfer", "server", "health"\]$/m,
  );
});
