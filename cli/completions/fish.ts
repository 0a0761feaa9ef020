/**
 * Completions for fish 3.1 and later.
 *
 * @module
 */
import { type CommandDescription, nameOf, type ValueDescription } from "../command_tree.ts";
import { kindOf, type Level, levelsOf } from "./words.ts";

export function toFish(program: CommandDescription): string {
  const name = nameOf(program);
  const cases = levelsOf(program).map((level) =>
    [`case ${quote(level.path)}`, ...toBody(level).map((line) => `    ${line}`)]
      .map((line) => `        ${line}`).join("\n")
  );
  return `# Completions of ${name} for fish. Made by: ${name} completions fish

# Sets the subcommands and options of the command $path. For $what, which is an option or the number of an argument, sets
# kind: how to complete its value (words, file, folder; text: not at all), empty if it has no value. Sets many if more
# values may follow.
function __${name}_describe --no-scope-shadowing
    set commands
    set options
    set words
    set kind
    set many
    switch $path
${cases.join("\n")}
    end
end

function __${name}_complete
    set -l path ${quote(name)}
    set -l what
    set -l places 0
    set -l commands
    set -l options
    set -l words
    set -l kind
    set -l many
    set -l typed (commandline -opc)
    set -l current (commandline -ct)

    # Find the command, and the option or argument to complete.
    set -l waiting
    set -l ended
    for word in $typed[2..-1]
        if test -n "$waiting"
            if test $waiting = one
                set waiting
                continue
            else if not string match -q -- '-*' $word
                continue
            end
            set waiting
        end
        if test -z "$ended"; and test "$word" = --
            set ended 1
        else if test -z "$ended"; and string match -q -- '-?*' $word
            set what $word
            __${name}_describe
            test -n "$kind"; and set waiting $many one
            set waiting $waiting[1]
        else
            set what
            __${name}_describe
            if test $places -eq 0; and contains -- $word (string replace -r '\\t.*' '' -- $commands)
                set path "$path $word"
            else
                set places (math $places + 1)
            end
        end
    end

    set -l before ''
    if test -n "$waiting"; and not begin
            test $waiting = many; and string match -q -- '-*' $current
        end
        __${name}_describe
    else if test -z "$ended"; and string match -q -- '--*=*' $current
        set what (string replace -r '=.*' '' -- $current)
        set before $what=
        set current (string replace -r '^[^=]*=' '' -- $current)
        __${name}_describe
    else if test -z "$ended"; and string match -q -- '-*' $current
        set what
        __${name}_describe
        set words $options
    else
        set what (math $places + 1)
        __${name}_describe
        test $places -eq 0; and set words $words $commands
    end

    switch "$kind"
        case file
            set words $words (__fish_complete_path $current)
        case folder
            set words $words (__fish_complete_directories $current)
    end
    for word in $words
        printf '%s\\n' $before$word
    end
end

complete -c ${quote(name)} -e
complete -c ${quote(name)} -f -a '(__${name}_complete)'
`;
}

function toBody({ commands, options, arguments: values }: Level): readonly string[] {
  const named = options.flatMap(({ names, value }) =>
    value === undefined ? [] : [[names.map(quote).join(" "), value] as const]
  );
  const placed = values.map((value, index) =>
    [value.variadic ? "'*'" : `${index + 1}`, value] as const
  );
  const cases = [...named, ...placed].flatMap(([pattern, value]) => [
    `    case ${pattern}`,
    ...toAnswer(value).map((line) => `        ${line}`),
  ]);
  return [
    ...commands.map((command) => toWord("commands", [nameOf(command)], command.description)),
    ...options.map(({ names, description }) => toWord("options", names, description)),
    ...(cases.length > 0 ? ['switch "$what"', ...cases, "end"] : []),
  ];
}

function toWord(list: string, words: readonly string[], description: string): string {
  const described = words.map((word) => `${quote(word)}\\t${quote(description)}`);
  return `set ${list} $${list} ${described.join(" ")}`;
}

function toAnswer(value: ValueDescription): readonly string[] {
  const kind = kindOf(value);
  return [
    `set kind ${kind}`,
    ...(kind === "words" ? [`set words ${value.choices.map(quote).join(" ")}`] : []),
    ...(value.variadic ? ["set many many"] : []),
  ];
}

/** Quotes a word for fish. */
function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
