/** The topics of `xfer help` that belong in the documentation, besides the tables of options and exit codes. */
import type { Command } from "commander";
import { toBlocks } from "../../cli/command_tree.ts";
import { topicText } from "../../cli/help/topic_text.ts";
import { TOPICS } from "../../cli/help/topics.ts";
import type { TopicPage } from "./commands.ts";

const NAMES = ["serving", "patterns", "protocol-3"] as const;
const WIDTH = 80;

export function topicPages(program: Command): readonly TopicPage[] {
  return NAMES.map((name) => ({
    name,
    about: TOPICS[name].about,
    blocks: toBlocks(topicText(name, program, WIDTH)),
  }));
}
