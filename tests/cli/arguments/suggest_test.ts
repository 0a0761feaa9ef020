/** The commands that an unknown word leads to. */
import assert from "node:assert/strict";
import { nearest } from "../../../cli/arguments/closest.ts";
import { commandsMeant } from "../../../cli/arguments/suggest.ts";
import { childOf, pathOf } from "../../../cli/arguments/usage_error.ts";
import { loadProgram } from "../../../cli/program.ts";

const program = await loadProgram();

/** The command before the word, the word, and the commands that it may mean. */
const MEANT: readonly [parent: string, word: string, paths: readonly string[]][] = [
  // Commands of the client or the server without the name of either
  ["", "put", ["client put"]],
  ["", "init", ["client init", "server init"]],
  ["", "list", ["client list", "server list"]],
  ["", "ls", ["client list", "server list"]],
  ["", "remove", ["client remove"]],
  ["", "users", ["server users"]],
  ["", "disable", ["server users disable"]],
  // Words of other programs
  ["", "upload", ["client put"]],
  ["", "download", ["client get"]],
  ["", "start", ["server"]],
  ["client", "upload", ["client put"]],
  ["client", "send", ["client put"]],
  ["client", "download", ["client get"]],
  ["client", "fetch", ["client get"]],
  ["client", "delete", ["client remove"]],
  ["client", "del", ["client remove"]],
  ["client", "move", ["client rename"]],
  ["client", "dir", ["client list"]],
  ["client", "history", ["client versions"]],
  ["client", "info", ["client stat"]],
  ["client", "login", ["client init"]],
  ["client", "whoami", ["client status"]],
  ["server users", "delete", ["server users remove"]],
  ["server", "quota", ["server users set-quota"]],
  ["server", "invitations", ["server invite"]],
  ["server", "start", ["server"]],
  ["server", "server", ["server"]],
  ["server", "who", ["server sessions"]],
  ["server", "page", ["server admin-link"]],
  // Commands of another parent
  ["client", "users", ["server users"]],
  ["client", "backup", ["server backup"]],
  ["server", "put", ["client put"]],
  // Typing errors
  ["", "sevrer", ["server"]],
  ["client", "lst", ["client list"]],
  ["client", "lint", ["client list", "client link"]],
  ["server users", "lsit", ["server users list"]],
  // Nothing
  ["", "report", []],
  ["client", "photographs", []],
];

for (const [parent, word, paths] of MEANT) {
  Deno.test(`xfer ${parent} ${word} leads to ${paths.join(", ") || "no command"}`, () => {
    const path = parent.split(" ").filter((name) => name !== "");
    const command = path.reduce((above, name) => childOf(above, name) ?? assert.fail(), program);
    assert.deepEqual(
      commandsMeant(program, command, word).map(pathOf).sort(),
      paths.map((path) => `xfer ${path}`).sort(),
    );
  });
}

Deno.test("aliases: ls, rm and mv run their commands", () => {
  const aliases: Readonly<Record<string, readonly string[]>> = {
    "client": ["ls list", "rm remove", "mv rename"],
    "server": ["ls list"],
    "server users": ["ls list", "rm remove", "mv rename"],
    "server invite": ["ls list"],
  };
  for (const [parent, pairs] of Object.entries(aliases)) {
    for (const pair of pairs) {
      const [alias = "", name] = pair.split(" ");
      const command = [...parent.split(" "), alias]
        .reduce((above, name) => childOf(above, name) ?? assert.fail(), program);
      assert.equal(command.name(), name, parent);
    }
  }
});

Deno.test("the nearest names, and none if all differ too much", () => {
  const names = ["client", "server", "help"];
  assert.deepEqual(nearest("clint", names), ["client"]);
  assert.deepEqual(nearest("sevrer", names), ["server"]);
  assert.deepEqual(nearest("report.pdf", names), []);
  assert.deepEqual(nearest("", names), []);
  assert.deepEqual(nearest("lint", ["link", "list", "rename"]), ["link", "list"]);
});
