/**
 * The commands that an unknown word on a command line probably means.
 *
 * @module
 */
import type { Command } from "commander";
import { nearest } from "./closest.ts";

/** Words that other programs use, and the last part of our command's name. */
const SYNONYMS: Readonly<Record<string, string>> = {
  ...{ upload: "put", send: "put", push: "put", store: "put", add: "put", cp: "put", copy: "put" },
  ...{ download: "get", fetch: "get", pull: "get", receive: "get" },
  ...{ delete: "remove", del: "remove", erase: "remove", unlink: "remove" },
  ...{ move: "rename", dir: "list", info: "stat", show: "stat", history: "versions" },
  ...{ login: "init", register: "init", setup: "init", configure: "init", whoami: "status" },
  ...{ serve: "server", start: "server", run: "server", completion: "completions" },
  ...{ user: "users", account: "users", accounts: "users", invitation: "invite" },
  ...{ invitations: "invite", quota: "set-quota", settings: "config", check: "verify" },
  ...{ who: "sessions", connections: "sessions", stats: "status", du: "usage", size: "usage" },
  ...{ page: "admin-link", admin: "admin-link", events: "hooks", webhooks: "hooks" },
};

/**
 * The commands that `word` may mean where a command below `parent` was expected: those of that name, first `parent`
 * itself and those below it, then those directly below it with similar names, then those of that name anywhere. Of
 * several, those with the shortest paths.
 */
export function commandsMeant(program: Command, parent: Command, word: string): Command[] {
  const below = [...descendantsOf(parent)];
  const all = [...descendantsOf(program)];
  const name = Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : word;
  const named = (commands: readonly Command[]) =>
    commands.filter((command) => [command.name(), ...command.aliases()].includes(name ?? word));
  const near = (commands: readonly Command[]) => {
    const names = nearest(word, [...new Set(commands.map((command) => command.name()))]);
    return commands.filter((command) => names.includes(command.name()));
  };
  const choices = [named([parent, ...below]), near(parent.commands), named(all)];
  const found = choices.find((commands) => commands.length > 0) ?? [];
  const least = Math.min(...found.map(depthOf));
  return found.filter((command) => depthOf(command) === least);
}

function* descendantsOf(command: Command): Generator<Command> {
  for (const child of command.commands) {
    yield child;
    yield* descendantsOf(child);
  }
}

function depthOf(command: Command): number {
  return command.parent === null ? 0 : 1 + depthOf(command.parent);
}
