/**
 * `xfer server users`: what an operator does about accounts.
 *
 * @module
 */
import type { Command } from "commander";
import { printable } from "../../../protocol/printable.ts";
import { toHex } from "../../../protocol/bytes.ts";
import { UsageError } from "../../../protocol/errors.ts";
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
} from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import type { EventOf } from "../../events/mod.ts";
import { formatQuantity, parseLifetime, parseQuantity } from "../../arguments/quantities.ts";
import type { Run } from "../../run.ts";
import { example, isoTime } from "../../text/format.ts";

/** Adds the command below `server`. */
export function addUsersCommand(server: Command, run: Run): void {
  const users = server.command("users").description("Look after the accounts.")
    .addHelpText("after", example("xfer server users list --data /srv/xfer"));
  const command = (name: string, what: string, ...examples: readonly string[]) =>
    users.command(name).description(what)
      .addHelpText("after", example(...examples.map((rest) => `xfer server users ${rest}`)));
  const forOne = (name: string, what: string, ...examples: readonly string[]) =>
    command(name, what, ...examples).argument("<name>", "the name of the user");

  command("list", "Print the accounts, with what they have stored.", "list --json")
    .action(async (_: unknown, command: Command) => {
      for (const account of await listUsers(await dataOf(command))) {
        run.reporter.report(userEvent(account));
      }
    });
  for (const [verb, event, what] of SWITCHES) {
    forOne(verb, what, `${verb} Alice --data /srv/xfer`)
      .action(async (name: string, _: unknown, command: Command) => {
        await setUserDisabled(await dataOf(command), name, verb === "disable");
        run.reporter.report({ event, user: name });
      });
  }
  command("rename", "Give an account another name.", "rename Alice Alicia --data /srv/xfer")
    .argument("<old>", "the name of the user")
    .argument("<new>", "the name from now on; one that is free")
    .action(async (from: string, to: string, _: unknown, command: Command) => {
      const learns = await renameUser(await dataOf(command), from, to);
      run.reporter.report({ event: "user-renamed", from, to, learns });
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
      const { bytes, files, default: back = false } = chosen;
      const change = {
        ...bytes === undefined ? {} : { bytes },
        ...files === undefined ? {} : { files },
      };
      if (back === Object.keys(change).length > 0) {
        throw new UsageError("no-quota", "Say either what the quota is to be, or --default", {
          hint: "For example: --bytes 10GB.",
        });
      }
      const quota = await setUserQuota(await dataOf(command), name, back ? "default" : change);
      run.reporter.report({ event: "quota-set", user: name, quota: quotaOf(quota) });
    });
  forOne(
    "keys",
    "Print the keys by which a user logs in, or take one away.",
    "keys Alice",
    "keys Alice --remove SHA256:zgjYg8ywgX…",
  )
    .option("--remove <fingerprint>", "take this key away")
    .option("--yes", "even if it is the last one")
    .action(async (user: string, chosen: { remove?: string; yes?: boolean }, command: Command) => {
      const { remove, yes = false } = chosen;
      if (remove === undefined) {
        for (const { fingerprint, addedAt } of await listUserKeys(await dataOf(command), user)) {
          run.reporter.report({ event: "key", user, fingerprint, added: isoTime(addedAt) });
        }
      } else {
        await removeUserKey(await dataOf(command), user, remove, yes);
        run.reporter.report({ event: "key-removed", user, fingerprint: remove });
      }
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
    .action(async (user: string, { expires: lifeMs }: { expires?: number }, command: Command) => {
      const { token, expiresAt } = await linkUser(await dataOf(command), user, lifeMs);
      const expires = isoTime(expiresAt);
      run.reporter.report({ event: "token", token, purpose: "link", uses: 1, expires, user });
    });
  forOne("remove", "Take an account and its files away, for good.", "remove Alice --yes")
    .option("--yes", "don't ask")
    .action(async (user: string, { yes = false }: { yes?: boolean }, command: Command) => {
      const question = `Remove ${printable(user)} and all files of ${printable(user)}?`;
      if (!yes && !(await run.reporter.confirm(question))) {
        throw new UsageError(
          "not-confirmed",
          `${printable(user)} is not removed: nobody said yes`,
          { hint: "Answer y, or say so beforehand: --yes." },
        );
      }
      const files = await removeUser(await dataOf(command), user);
      run.reporter.report({ event: "user-removed", user, files });
    });
}

const SWITCHES = [
  [
    "disable",
    "user-disabled",
    "Let an account do nothing any more, on connections that are open too.",
  ],
  ["enable", "user-enabled", "Let an account that was disabled do everything again."],
] as const;

function userEvent(account: AccountSummary): EventOf<"user"> {
  const { id, name, protocol, keys, usage: { files, bytes }, oldVersions, ...rest } = account;
  return {
    ...{ event: "user", name, id: toHex(id), protocol, keys, files, oldVersions, bytes },
    ...{ quota: quotaOf(rest.quota), disabled: rest.disabled },
    firstSeen: isoTime(account.firstSeen),
    lastSeen: isoTime(account.lastSeen),
  };
}

function quotaOf({ bytes, files }: Quota): EventOf<"user">["quota"] {
  const limit = (value: number | undefined) => value === Infinity ? "none" : value ?? null;
  return { bytes: limit(bytes), files: limit(files) };
}
