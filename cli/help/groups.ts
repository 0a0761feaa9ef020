/**
 * Groups of options in the help: those that many commands take are listed there by name, and explained by a topic.
 *
 * @module
 */

/** Headings of options in a command's help. */
export const COMMON = "Common options:";
export const CONNECTION = "Connection options:";
export const TRANSFER = "Transfer options:";
export const PROTOCOL_3 = "Protocol 3 options:";
export const SERVER = "Server options:";
export const SERVING = "Serving:";
export const STORES = "Stores:";
export const LIMITS = "Limits:";

interface Group {
  /** The topic of `xfer help` that explains the options. */
  readonly topic?: string;
  /** Whether the command that has the options explains them itself. */
  readonly isShownByOwner: boolean;
  /** Whether commands below the one that has the options take them too; a function of their names. */
  readonly isInheritedBy: (command: string) => boolean;
}

/** Protocol 3 can only upload. */
const UPLOAD = "put";

const EVERY = () => true;
const NONE = () => false;

/** A group that is not here belongs to one command, which explains it. */
const GROUPS: Readonly<Record<string, Group>> = {
  [CONNECTION]: { topic: "options", isShownByOwner: false, isInheritedBy: EVERY },
  [COMMON]: { topic: "options", isShownByOwner: false, isInheritedBy: NONE },
  [TRANSFER]: { topic: "transfers", isShownByOwner: false, isInheritedBy: NONE },
  [SERVER]: { isShownByOwner: true, isInheritedBy: EVERY },
  [PROTOCOL_3]: {
    ...{ topic: "protocol-3", isShownByOwner: false },
    isInheritedBy: (command) => command === UPLOAD,
  },
  [SERVING]: { topic: "serving", isShownByOwner: false, isInheritedBy: NONE },
  [STORES]: { topic: "stores", isShownByOwner: false, isInheritedBy: EVERY },
  [LIMITS]: { topic: "limits", isShownByOwner: false, isInheritedBy: NONE },
};

/** Whether a command takes the options of a group that belong to a command above it. */
export function isInherited(group: string | undefined, command: string): boolean {
  return group !== undefined && GROUPS[group]?.isInheritedBy(command) === true;
}

/**
 * Whether a command lists the options of a group with its other options, since they have their own heading only below
 * it.
 */
export function isShownByOwner(group: string | undefined): boolean {
  return group !== undefined && GROUPS[group]?.isShownByOwner === true;
}

/** The topic that explains a group's options in place of a command's help, if any does. */
export function topicOf(group: string | undefined, isOwn: boolean): string | undefined {
  const { topic, isShownByOwner = true } = GROUPS[group ?? ""] ?? {};
  return isOwn && isShownByOwner ? undefined : topic;
}
