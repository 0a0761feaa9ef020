/** A program whose commands are described, completed and documented in tests. */
import { Command, Option } from "commander";

/** Text that a shell would split, run, or interpret. */
export const AWKWARD = 'it\'s "so": [x] $HOME `id` $(id) \\ %s {a,b} ‘y’ *';

/** A program with every kind of option and argument. */
export function makeTool(): Command {
  const program = new Command("tool").configureHelp({ showGlobalOptions: true })
    .description("A program of the tests.")
    .option("-v, --verbose", AWKWARD)
    .addOption(new Option("--color <when>", "colors").choices(["auto", "always", "never"]));
  program.command("store").description(AWKWARD)
    .argument("<path...>", "file to store")
    .option("--as <name>", AWKWARD)
    .option("-o, --output <path>", "path to write to", "out")
    .addOption(new Option("--into <dir>", "a folder").helpGroup("Places:"))
    .addOption(
      new Option("--quirk <name...>", "any").choices(["one", "two", AWKWARD, "back\\:slash"]),
    )
    .addOption(new Option("--secret", "not shown").hideHelp());
  const user = program.command("user").description("Users.");
  user.command("list").description("All of them.").option("--color <name>", "name of a user");
  user.command("keys").description("Of one.").argument("<name>", "user name").argument(
    "[file]",
    "out",
  );
  program.command("mode").description("Fast or slow.")
    .addArgument(program.createArgument("<speed>", "speed").choices(["fast", "slow"]))
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
