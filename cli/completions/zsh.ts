/**
 * Completions for zsh, using its `_arguments`.
 *
 * @module
 */
import type {
  ArgumentDescription,
  CommandDescription,
  OptionDescription,
  ValueDescription,
} from "../command_tree.ts";
import { allCommands, nameOf, optionsOf } from "../command_tree.ts";
import { kindOf, posixQuote } from "./words.ts";

export function toZsh(program: CommandDescription): string {
  const name = nameOf(program);
  return `#compdef ${name}
# Completions of ${name} for zsh. Made by: ${name} completions zsh

${allCommands(program).map(toFunction).join("\n")}
if [[ \${funcstack[1]} == _${name} ]]; then
  # The file was loaded from $fpath in place of the function, so this is the first call.
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function toFunction(command: CommandDescription): string {
  const specs = [
    ...optionsOf(command).map(toOptionSpec),
    ...(command.commands.length > 0 ? [] : command.arguments.map(toArgumentSpec)),
  ];
  if (command.commands.length === 0) {
    return `${functionOf(command.path)}() {
  _arguments -s -S ${continued(specs)}
}
`;
  }
  const described = command.commands.map((child) =>
    posixQuote(`${escapeColons(nameOf(child))}:${child.description}`)
  );
  // -A leaves the options after the name of a subcommand to that subcommand.
  const calls = command.commands.map((child) =>
    `        ${posixQuote(nameOf(child))}) ${functionOf(child.path)} ;;`
  );
  return `${functionOf(command.path)}() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a commands
  _arguments -C -s -S -A '-*' ${continued([...specs, "': :->command'", "'*:: :->rest'"])}
  case $state in
    command)
      commands=(
${described.map((line) => `        ${line}`).join("\n")}
      )
      _describe -t commands command commands
      ;;
    rest)
      case $line[1] in
${calls.join("\n")}
      esac
      ;;
  esac
}
`;
}

function continued(specs: readonly string[]): string {
  return specs.map((spec) => `\\\n    ${spec}`).join(" ");
}

/** The function's name, such as `_xfer_client_put`. */
function functionOf(path: readonly string[]): string {
  return path.map((part) => `_${part.replaceAll(/[^\w]/g, "_")}`).join("");
}

/** An option that has a value may be repeated. */
function toOptionSpec({ names, description, value }: OptionDescription): string {
  const explanation = `[${description.replaceAll(/[\\\[\]:]/g, "\\$&")}]`;
  const forms = names.map((name) =>
    value === undefined ? name : name.startsWith("--") ? `${name}=` : `${name}+`
  );
  const rest = explanation + (value === undefined ? "" : toOptionValue(value));
  if (value !== undefined) return forms.map((form) => posixQuote(`*${form}${rest}`)).join(" ");
  const others = posixQuote(`(${names.join(" ")})`);
  const [form = ""] = forms;
  return forms.length === 1
    ? posixQuote(form + rest)
    : `${others}{${forms.map(posixQuote).join(",")}}${posixQuote(rest)}`;
}

/** The maximum number of further values completed for one option. It can be repeated for more. */
const MAX_MORE_VALUES = 9;

function toOptionValue(value: ValueDescription): string {
  const one = `:${escapeColons(value.name)}:${toAction(value)}`;
  // Repeated values are optional ones here, because zsh offers no options after a rest of values ("*").
  return value.variadic ? one + `:${one}`.repeat(MAX_MORE_VALUES) : one;
}

function toArgumentSpec(argument: ArgumentDescription): string {
  const colon = argument.required || argument.variadic ? ":" : "::";
  const many = argument.variadic ? "*" : "";
  return posixQuote(`${many}${colon}${escapeColons(argument.name)}:${toAction(argument)}`);
}

function toAction(value: ValueDescription): string {
  switch (kindOf(value)) {
    case "words":
      return `(${value.choices.map((choice) => escapeColons(posixQuote(choice))).join(" ")})`;
    case "file":
      return "_files";
    case "folder":
      return "_path_files -/";
    case "text":
      return " ";
  }
}

/** Escapes colons, which would end a field, and colons after a backslash, which would use up the escape. */
function escapeColons(text: string): string {
  return text.replaceAll("\\:", "\\'':").replaceAll(":", "\\:");
}
