/**
 * `xfer server users`: what an operator does about accounts.
 *
 * @module
 */
import type { Command } from "commander";
import { printable, toHex, UsageError } from "../protocol/mod.ts";
import {
  type AccountSummary,
  LINK_LIFE_MS,
  linkUser,
  listUserKeys,
  listUsers,
  type Quota,
  removeUser,
  removeUserKey,
  renameUser,
  setUserDisabled,
  setUserQuota,
} from "../server/mod.ts";
import { SUCCESS } from "./exit_codes.ts";
import { confirm, printNote, printResult } from "./output.ts";
import { formatQuantity, parseLifetime, parseQuantity } from "./quantities.ts";
import { dataOf, example, plural, time } from "./words.ts";

/** Adds the command below `server`; `finish` takes the exit code. */
export function addUsersCommand(server: Command, finish: (exitCode: number) => void): void {
  const users = server.command("users").description("Look after the accounts.")
    .addHelpText("after", example("xfer server users list --data /srv/xfer"));
  const command = (name: string, what: string, ...examples: readonly string[]) =>
    users.command(name).description(what)
      .addHelpText("after", example(...examples.map((rest) => `xfer server users ${rest}`)));
  const forOne = (name: string, what: string, ...examples: readonly string[]) =>
    command(name, what, ...examples).argument("<name>", "the name of the user");

  command("list", "Print the accounts, with what they have stored.", "list --json")
    .option("--json", "a line of JSON for each account")
    .action(async ({ json = false }: { json?: boolean }, command: Command) => {
      for (const account of await listUsers(dataOf(command))) {
        printResult(json ? JSON.stringify(toJson(account)) : describe(account));
      }
      finish(SUCCESS);
    });
  for (const [verb, done, what] of SWITCHES) {
    forOne(verb, what, `${verb} Alice --data /srv/xfer`)
      .action(async (name: string, _: unknown, command: Command) => {
        await setUserDisabled(dataOf(command), name, verb === "disable");
        printResult(`${done} ${name}`);
        finish(SUCCESS);
      });
  }
  command("rename", "Give an account another name.", "rename Alice Alicia --data /srv/xfer")
    .argument("<old>", "the name of the user")
    .argument("<new>", "the name from now on; one that is free")
    .action(async (name: string, newName: string, _: unknown, command: Command) => {
      const learns = await renameUser(dataOf(command), name, newName);
      printResult(`Renamed ${name} to ${newName}`);
      printNote(
        learns
          ? `Tell the user to write ${newName} into line 2 of transfer.info.`
          : `Tell the user, who has protocol 3, to write ${newName} into line 2 of transfer.info ` +
            `and line 1 of me.info; until then the client registers anew as ${name}.`,
      );
      finish(SUCCESS);
    });
  forOne(
    "set-quota",
    "Say how much an account may store, whatever holds for all.",
    "set-quota Alice --bytes 10GB --files none",
    "set-quota Alice --default",
  )
    .option("--bytes <size>", "bytes, or none for no limit", (text) => parseQuantity(text, "size"))
    .option(
      "--files <count>",
      "files, or none for no limit",
      (text) => parseQuantity(text, "count"),
    )
    .option("--default", "as for all: --quota and --quota-files of the server")
    .action(async (name: string, chosen: Quota & { default?: boolean }, command: Command) => {
      const { default: back = false, ...change } = chosen;
      if (back === Object.keys(change).length > 0) {
        throw new UsageError("no-quota", "Say either what the quota is to be, or --default", {
          hint: "For example: --bytes 10GB.",
        });
      }
      const quota = await setUserQuota(dataOf(command), name, back ? "default" : change);
      printResult(`${name} may store ${describeQuota(quota)}`);
      finish(SUCCESS);
    });
  forOne(
    "keys",
    "Print the keys by which a user logs in, or take one away.",
    "keys Alice",
    "keys Alice --remove SHA256:zgjYg8ywgX…",
  )
    .option("--remove <fingerprint>", "take this key away")
    .option("--yes", "even if it is the last one")
    .action(async (name: string, chosen: { remove?: string; yes?: boolean }, command: Command) => {
      const { remove, yes = false } = chosen;
      if (remove === undefined) {
        for (const { fingerprint, addedAt } of await listUserKeys(dataOf(command), name)) {
          printResult(`${fingerprint}  added ${time(addedAt)}`);
        }
      } else {
        await removeUserKey(dataOf(command), name, remove, yes);
        printResult(`Removed the key ${remove} of ${name}`);
      }
      finish(SUCCESS);
    });
  forOne(
    "link",
    "Print a token by which a further machine of a user gets into the account.",
    "link Alice --expires 12h",
  )
    .option(
      "--expires <time>",
      `how long it is good (default: ${formatQuantity(LINK_LIFE_MS, "lifetime")})`,
      parseLifetime,
    )
    .action(async (name: string, { expires }: { expires?: number }, command: Command) => {
      const { token, expiresAt } = await linkUser(dataOf(command), name, expires);
      printResult(token);
      printNote(
        `Good once, until ${time(expiresAt)}. On the user's machine, with ${name} in ` +
          `transfer.info: xfer client link ${token}`,
      );
      finish(SUCCESS);
    });
  forOne("remove", "Take an account and its files away, for good.", "remove Alice --yes")
    .option("--yes", "don't ask")
    .action(async (name: string, { yes = false }: { yes?: boolean }, command: Command) => {
      const question = `Remove ${printable(name)} and all files of ${printable(name)}?`;
      if (!yes && !confirm(question)) {
        throw new UsageError(
          "not-confirmed",
          `${printable(name)} is not removed: nobody said yes`,
          { hint: "Answer y, or say so beforehand: --yes." },
        );
      }
      const files = await removeUser(dataOf(command), name);
      printResult(`Removed ${printable(name)} and ${plural(files, "file")}`);
      finish(SUCCESS);
    });
}

const SWITCHES = [
  ["disable", "Disabled", "Let an account do nothing any more, on connections that are open too."],
  ["enable", "Enabled", "Let an account that was disabled do everything again."],
] as const;

function describe(account: AccountSummary): string {
  const { id, name, protocol, keys, usage, quota, disabled, firstSeen, lastSeen } = account;
  return [
    printable(name),
    ...(disabled ? ["disabled"] : []),
    `id ${toHex(id)}`,
    `protocol ${protocol}`,
    plural(keys, "key"),
    plural(usage.files, "file"),
    plural(usage.bytes, "byte"),
    `quota ${describeQuota(quota)}`,
    `first seen ${time(firstSeen)}`,
    `last seen ${time(lastSeen)}`,
  ].join("  ");
}

function describeQuota({ bytes, files }: Quota): string {
  const parts = [
    bytes === undefined ? "" : bytes === Infinity ? "any size" : plural(bytes, "byte"),
    files === undefined ? "" : files === Infinity ? "any number of files" : plural(files, "file"),
  ];
  return parts.filter((part) => part !== "").join(" and ") || "as all";
}

/** No limit is `"none"`, what holds for all is `null`. */
function toJson(account: AccountSummary) {
  const { id, name, protocol, keys, usage, quota, disabled, firstSeen, lastSeen } = account;
  const limit = (value: number | undefined) => value === Infinity ? "none" : value ?? null;
  return {
    ...{ name, id: toHex(id), protocol, keys, files: usage.files, bytes: usage.bytes },
    quota: { bytes: limit(quota.bytes), files: limit(quota.files) },
    disabled,
    firstSeen: new Date(firstSeen).toISOString(),
    lastSeen: new Date(lastSeen).toISOString(),
  };
}
