/**
 * `xfer server users`: accounts.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { printable } from "../../../protocol/printable.ts";
import { toHex } from "../../../protocol/bytes.ts";
import { UsageError } from "../../../protocol/errors.ts";
import {
  ACCESS_MODES,
  type AccessMode,
  type AccountSummary,
  LINK_LIFE_MS,
  linkUser,
  listUserKeys,
  listUsers,
  type Quota,
  quotaSubject,
  removeUser,
  removeUserKey,
  renameUser,
  setUserAccess,
  setUserDisabled,
  setUserQuota,
} from "../../../server/mod.ts";
import { camelCase, dataOf } from "../../configuration/options.ts";
import type { EventOf } from "../../events/mod.ts";
import { parseLifetime } from "../../arguments/lifetime.ts";
import { formatQuantity, parseQuantity } from "../../arguments/quantities.ts";
import { reportAction } from "./report_action.ts";
import type { Run } from "../../run.ts";
import { ListTotals } from "../../text/list_totals.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";

/** Adds the command below `server`. */
export function addUsersCommand(server: Command, run: Run): void {
  const users = server.command("users").description("Manage accounts.")
    .addHelpText("after", example("xfer server users list --data /srv/xfer"));
  const command = (name: string, what: string, ...examples: readonly string[]) =>
    users.command(name).description(what)
      .addHelpText("after", example(...examples.map((rest) => `xfer server users ${rest}`)));
  const forOne = (name: string, what: string, ...examples: readonly string[]) =>
    command(name, what, ...examples).argument("<name>", "user name of the account");

  command("list", "List accounts with their usage, quotas and dates.", "list --data /srv/xfer")
    .alias("ls")
    .action(async (_: unknown, command: Command) => {
      const totals = new ListTotals();
      for (const account of await listUsers(await dataOf(command))) {
        totals.add({ accounts: 1, ...account.usage, oldVersions: account.history.files });
        run.reporter.report(userEvent(account));
      }
      run.reporter.remark((show) => totals.words(show));
    });
  for (const [verb, event, what] of SWITCHES) {
    forOne(verb, what, `${verb} Alice --data /srv/xfer`)
      .action(async (name: string, _: unknown, command: Command) => {
        const data = await dataOf(command);
        await setUserDisabled(data, name, verb === "disable");
        await reportAction({ run, command, data }, { action: event, user: name });
        run.reporter.report({ event, user: name });
      });
  }
  command("rename", "Rename an account.", "rename Alice Alicia --data /srv/xfer")
    .alias("mv")
    .argument("<old>", "current user name")
    .argument("<new>", "new user name; must be free")
    .action(async (from: string, to: string, _: unknown, command: Command) => {
      const data = await dataOf(command);
      const learns = await renameUser(data, from, to);
      await reportAction({ run, command, data }, {
        action: "user-renamed",
        user: from,
        subject: to,
      });
      run.reporter.report({ event: "user-renamed", from, to, learns });
    });
  forOne(
    "set-quota",
    "Set the quota of an account.",
    "set-quota Alice --size 10GB --files none",
    "set-quota Alice --default",
  )
    .option(
      "--size <size>",
      "maximum size of all files together, such as 10GB, or none",
      (text) => parseQuantity(text, "size"),
    )
    .option(
      "--files <count>",
      "maximum number of files, or none",
      (text) => parseQuantity(text, "count"),
    )
    .option("--default", "apply the server's --quota and --quota-files again")
    .action(async (name: string, chosen: QuotaOptions, command: Command) => {
      const { size: bytes, files, default: back = false } = chosen;
      const change = {
        ...bytes === undefined ? {} : { bytes },
        ...files === undefined ? {} : { files },
      };
      if (back === Object.keys(change).length > 0) {
        throw new UsageError(
          "no-quota",
          back ? "--default cannot be combined with other quotas" : "no quota given",
          {
            hint: back ? "Omit --default." : "Add --size 10GB, --files 1000 or --default.",
          },
        );
      }
      const data = await dataOf(command);
      const quota = await setUserQuota(data, name, back ? "default" : change);
      await reportAction({ run, command, data }, {
        action: "quota-set",
        user: name,
        subject: quotaSubject(quota),
      });
      run.reporter.report({ event: "quota-set", user: name, quota: quotaOf(quota) });
    });
  const set = forOne(
    "set",
    "Set what an account may do with files.",
    "set Backup --append-only",
    "set Alice --full",
  );
  for (const [access, what] of ACCESS_OPTIONS) {
    set.addOption(
      new Option(`--${access}`, what)
        .conflicts(
          ACCESS_OPTIONS.filter(([other]) => other !== access).map(([other]) => camelCase(other)),
        ),
    );
  }
  set.action(async (user: string, chosen: Readonly<Record<string, boolean>>, command: Command) => {
    const access = ACCESS_MODES.find((mode) => chosen[camelCase(mode)]);
    if (access === undefined) {
      throw new UsageError("no-access", "no access given", {
        hint: `Add one of ${ACCESS_MODES.map((mode) => `--${mode}`).join(", ")}.`,
      });
    }
    const data = await dataOf(command);
    await setUserAccess(data, user, access);
    await reportAction({ run, command, data }, { action: "access-set", user, subject: access });
    run.reporter.report({ event: "access-set", user, access });
  });
  forOne(
    "keys",
    "List or remove the keys of an account.",
    "keys Alice",
    "keys Alice --remove SHA256:zgjYg8ywgX…",
  )
    .option("--remove <fingerprint>", "remove the key with this fingerprint")
    .option("--yes", "remove it even if it is the last key of the account")
    .action(async (user: string, chosen: { remove?: string; yes?: boolean }, command: Command) => {
      const { remove, yes = false } = chosen;
      if (remove === undefined) {
        for (const { fingerprint, addedAt } of await listUserKeys(await dataOf(command), user)) {
          run.reporter.report({ event: "key", user, fingerprint, added: isoTime(addedAt) });
        }
      } else {
        const data = await dataOf(command);
        await removeUserKey(data, user, remove, yes);
        await reportAction({ run, command, data }, {
          action: "key-removed",
          user,
          subject: remove,
        });
        run.reporter.report({ event: "key-removed", user, fingerprint: remove });
      }
    });
  forOne(
    "link",
    "Create a link token for another machine of a user.",
    "link Alice --expires 12h",
  )
    .option(
      "--expires <time>",
      `lifetime, such as 12h (default: ${formatQuantity(LINK_LIFE_MS, "lifetime")})`,
      parseLifetime,
    )
    .action(async (user: string, { expires: lifeMs }: { expires?: number }, command: Command) => {
      const data = await dataOf(command);
      const { token, expiresAt } = await linkUser(data, user, lifeMs);
      await reportAction({ run, command, data }, { action: "link-created", user });
      const expires = isoTime(expiresAt);
      run.reporter.report({ event: "token", token, purpose: "link", uses: 1, expires, user });
    });
  forOne(
    "remove",
    "Delete an account and all of its files.\n\nThis cannot be undone.",
    "remove Alice --yes",
  ).alias("rm")
    .option("--yes", "do not ask for confirmation")
    .action(async (user: string, { yes = false }: { yes?: boolean }, command: Command) => {
      const question = `Delete the account ${printable(user)} and all of its files?`;
      if (!yes && !(await run.reporter.confirm(question))) {
        throw new UsageError(
          "not-confirmed",
          `${printable(user)} was not removed: not confirmed`,
          { hint: "Add --yes to delete it without a question." },
        );
      }
      const data = await dataOf(command);
      const files = await removeUser(data, user);
      await reportAction({ run, command, data }, { action: "user-removed", user });
      run.reporter.report({ event: "user-removed", user, files });
    });
}

/** Options of `set-quota`, with `Infinity` for none. */
interface QuotaOptions {
  readonly size?: number;
  readonly files?: number;
  readonly default?: boolean;
}

const ACCESS_OPTIONS: readonly (readonly [access: AccessMode, what: string])[] = [
  ["full", "everything (the default of new accounts)"],
  ["append-only", "upload new files and download all; change and remove none"],
  ["read-only", "download files only"],
  ["drop-box", "upload new files only; list and download none"],
];

const SWITCHES = [
  [
    "disable",
    "user-disabled",
    "Disable an account and close its open connections.",
  ],
  ["enable", "user-enabled", "Enable a disabled account."],
] as const;

function userEvent(account: AccountSummary): EventOf<"user"> {
  const { id, name, protocol, keys, usage, history, ...rest } = account;
  return {
    ...{ event: "user", name, id: toHex(id), protocol, keys, files: usage.files },
    ...{ oldVersions: history.files, bytes: usage.bytes + history.bytes },
    ...{ quota: quotaOf(rest.quota), disabled: rest.disabled, access: rest.access },
    firstSeen: isoTime(account.firstSeen),
    lastSeen: isoTime(account.lastSeen),
  };
}

function quotaOf({ bytes, files }: Quota): EventOf<"user">["quota"] {
  const limit = (value: number | undefined) => value === Infinity ? "none" : value ?? null;
  return { bytes: limit(bytes), files: limit(files) };
}
