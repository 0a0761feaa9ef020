/**
 * Tells a running server what an operator's command has changed, so that it takes effect at once and is in its log.
 *
 * @module
 */
import type { Command } from "commander";
import { reasonOf, XferError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import {
  type AdminAction,
  callServer,
  logAction,
  type OperatorAction,
  type ServerLocation,
} from "../../../server/mod.ts";
import { configurationOf } from "../../configuration/options.ts";
import { type LogFormat, logLine } from "../../output/server_log.ts";
import type { Run } from "../../run.ts";

export interface Action {
  /** A word in kebab case, such as `user-disabled`. */
  readonly action: string;
  /** The user name that it concerns. */
  readonly user?: string;
  readonly subject?: string;
}

/** The user who runs the command, for the log. */
export function operatorName(): string {
  const uid = Deno.uid();
  return uid === null ? "the operator" : `uid ${uid}`;
}

/** The command that has done something. */
export interface ActingCommand {
  readonly run: Run;
  readonly command: Command;
  readonly data: ServerLocation;
}

/** If no server runs there, it finds the change when it starts, and the command itself appends the line to its log file. */
export async function reportAction(acting: ActingCommand, action: Action): Promise<void> {
  const acted = { operator: operatorName(), ...action };
  try {
    await callServer(acting.data, "acted", acted);
  } catch (error) {
    // A running server also looks for changes every second.
    if (!(error instanceof XferError)) throw error;
    await logAlone(acting, acted);
  }
}

/** Appends to the log file that the settings name, if it exists: one made here might not belong to the server's user. */
async function logAlone(
  { run, command }: ActingCommand,
  { operator, action, user, subject }: Action & { readonly operator: string },
): Promise<void> {
  const { settings } = await configurationOf(command);
  const path = settings["log-file"].value;
  if (path === undefined) return;
  const line = actionLine(settings["log-format"].value, {
    ...{ operator, action: action as AdminAction },
    ...(user === undefined ? {} : { user: printable(user) }),
    ...(subject === undefined ? {} : { subject: printable(subject) }),
  });
  try {
    using file = await Deno.open(path, { append: true });
    await file.write(new TextEncoder().encode(`${line}\n`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    const reason = printable(reasonOf(error));
    run.reporter.note(`Could not write to the log ${printable(path)}: ${reason}`);
  }
}

function actionLine(format: LogFormat, action: OperatorAction): string {
  let line = "";
  const info = (words: string, properties: Readonly<Record<string, unknown>> = {}) => {
    line = logLine(format, words, properties, Date.now());
  };
  logAction({ info }, action);
  return line;
}
