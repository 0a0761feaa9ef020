/** A program whose commands are described, completed and documented in tests. */
import { Command, Option } from "commander";

/** What a shell would take apart, run, or take for its own. */
export const AWKWARD = 'it\'s "so": [x] $HOME `id` $(id) \\ %s {a,b} ‘y’ *';

/** With one of everything. */
export function makeTool(): Command {
  const program = new Command("tool").configureHelp({ showGlobalOptions: true })
    .description("A program of the tests.")
    .option("-v, --verbose", AWKWARD)
    .addOption(new Option("--color <when>", "colours").choices(["auto", "always", "never"]));
  program.command("store").description(AWKWARD)
    .argument("<path...>", "what to store")
    .option("--as <name>", AWKWARD)
    .option("-o, --output <path>", "where to", "out")
    .addOption(new Option("--into <dir>", "a folder").helpGroup("Places:"))
    .addOption(
      new Option("--quirk <name...>", "any").choices(["one", "two", AWKWARD, "back\\:slash"]),
    )
    .addOption(new Option("--secret", "not shown").hideHelp());
  const user = program.command("user").description("Users.");
  user.command("list").description("All of them.").option("--color <name>", "of whom");
  user.command("keys").description("Of one.").argument("<name>", "whose").argument("[file]", "out");
  program.command("mode").description("Fast or slow.")
    .addArgument(program.createArgument("<speed>", "how").choices(["fast", "slow"]))
    .addHelpText("after", MODE_HELP);
  return program;
}

const MODE_HELP = `
Examples:
  $ tool mode fast
  $ tool mode slow   # at night

Fast is the better of both,
mostly:
  fast    10 a second
    more  at night
Not so if it rains.`;
