/**
 * Completions for bash 3.2 and later. macOS has 3.2.
 *
 * @module
 */
import { type CommandDescription, nameOf, type ValueDescription } from "../command_tree.ts";
import { kindOf, type Level, levelsOf, posixQuote } from "./words.ts";

export function toBash(program: CommandDescription): string {
  const name = nameOf(program);
  const commands = levelsOf(program).map((level) =>
    `    ${posixQuote(level.path)})\n${
      toBody(level).map((line) => `      ${line}\n`).join("")
    }      ;;`
  );
  return `# Completions of ${name} for bash. Made by: ${name} completions bash

# Sets the subcommands and options of the command $path. For $what, which is an option or the number of an argument, sets
# kind: how to complete its value (words, file, folder; text: not at all), empty if it has no value. Sets many=1 if more
# values may follow.
_${name}_describe() {
  commands=() options=() words=() kind= many=
  case $path in
${commands.join("\n")}
  esac
}

_${name}() {
  local path=${
    posixQuote(name)
  } what= places=0 kind many word equals= rest=\${COMP_LINE:0:COMP_POINT} i
  local -a commands options words typed
  local IFS=$' \\t\\n'
  COMPREPLY=()

  # Undo bash's splitting at = and :. The last word ends at the cursor.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $rest == [[:space:]]* || i -eq 0 ]]; then
      rest=\${rest#"\${rest%%[![:space:]]*}"}
      typed+=('')
    fi
    if ((i == COMP_CWORD)); then word=$rest; fi
    typed[\${#typed[@]} - 1]+=$word
    rest=\${rest#"$word"}
  done
  local current=\${typed[\${#typed[@]} - 1]}

  # Find the command, and the option or argument to complete.
  local waiting= ended=
  for ((i = 1; i < \${#typed[@]} - 1; i++)); do
    word=\${typed[i]}
    if [[ -n $waiting && ! ($waiting == many && $word == -*) ]]; then
      if [[ $waiting == one ]]; then waiting=; fi
      continue
    fi
    waiting=
    if [[ -z $ended && $word == -- ]]; then
      ended=1
    elif [[ -z $ended && $word == -?* ]]; then
      what=$word
      _${name}_describe
      if [[ -n $kind ]]; then waiting=\${many:+many}; waiting=\${waiting:-one}; fi
    else
      what=
      _${name}_describe
      if [[ $places -eq 0 && " \${commands[*]} " == *" $word "* ]]; then
        path+=" $word"
      else
        places=$((places + 1))
      fi
    fi
  done

  if [[ -n $waiting && ! ($waiting == many && $current == -*) ]]; then
    _${name}_describe
  elif [[ -z $ended && $current == --*=* ]]; then
    what=\${current%%=*} current=\${current#*=}
    # The reply replaces only the last of bash's words.
    if [[ $COMP_WORDBREAKS != *=* ]]; then equals=$what=; fi
    _${name}_describe
  elif [[ -z $ended && $current == -* ]]; then
    what=
    _${name}_describe
    words=("\${options[@]}")
  else
    what=$((places + 1))
    _${name}_describe
    if [[ $places -eq 0 && \${#commands[@]} -gt 0 ]]; then words+=("\${commands[@]}"); fi
  fi

  for word in "\${words[@]}"; do
    if [[ $word == "$current"* ]]; then
      printf -v word %q "$word"
      COMPREPLY+=("$equals$word")
    fi
  done
  # Readline's own path completion handles blanks and ~. For bash 3.2 it is set for everything, below.
  case $kind in
    file) compopt -o default 2>/dev/null ;;
    folder) compopt -o dirnames 2>/dev/null ;;
  esac
}

if type compopt >/dev/null 2>&1; then
  complete -F _${name} ${name}
else
  complete -o default -F _${name} ${name}
fi
`;
}

function toBody({ commands, options, arguments: values }: Level): readonly string[] {
  const named = options.flatMap(({ names, value }) =>
    value === undefined ? [] : [[names.map(posixQuote).join(" | "), value] as const]
  );
  const placed = values.map((value, index) =>
    [value.variadic ? "[1-9]*" : `${index + 1}`, value] as const
  );
  const cases = [...named, ...placed].map(([pattern, value]) =>
    `  ${pattern}) ${toAnswer(value)} ;;`
  );
  return [
    `commands=(${commands.map(nameOf).map(posixQuote).join(" ")})`,
    `options=(${options.flatMap(({ names }) => names).map(posixQuote).join(" ")})`,
    ...(cases.length > 0 ? ["case $what in", ...cases, "esac"] : []),
  ];
}

function toAnswer(value: ValueDescription): string {
  const kind = kindOf(value);
  const words = kind === "words" ? ` words=(${value.choices.map(posixQuote).join(" ")})` : "";
  return `kind=${kind}${words}${value.variadic ? " many=1" : ""}`;
}
