/**
 * The topics of `xfer help`, by name. Their texts are in `topic_text.ts`, which is loaded when it is needed.
 *
 * @module
 */

/** The topic whose text is the table of exit codes. */
export const EXIT_CODES_TOPIC = "exit-codes";

/** `about`: the topic as a phrase. */
export const TOPICS = {
  "options": { about: "options that many commands take" },
  "transfers": { about: "options of 'xfer client put' and 'get'" },
  "serving": { about: "ports, TLS certificate, log and shutdown of a server" },
  "stores": { about: "a database and an object store for the data" },
  "limits": { about: "limits of a server, with their defaults" },
  "patterns": { about: "patterns of names, and for --exclude" },
  "protocol-3": { about: "the older protocol 3, its editions and quirks" },
  [EXIT_CODES_TOPIC]: { about: "exit codes and their meaning" },
} as const;

export type TopicName = keyof typeof TOPICS;

export function isTopic(name: string): name is TopicName {
  return Object.hasOwn(TOPICS, name);
}

/** The topics, as lines below a heading. */
export function topicList(): string {
  const rows = Object.entries(TOPICS);
  const column = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, { about }]) => `  ${name.padEnd(column)}  ${about}`);
  return `Topics of 'xfer help':\n${lines.join("\n")}`;
}
