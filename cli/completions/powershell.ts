/**
 * Completions for PowerShell 5.1 and later.
 *
 * @module
 */
import { type CommandDescription, nameOf, type ValueDescription } from "../command_tree.ts";
import { kindOf, type Level, levelsOf } from "./words.ts";

export function toPowerShell(program: CommandDescription): string {
  const name = nameOf(program);
  // Lists, because keys of a hash table ignore case, and -v differs from -V.
  return `# Completions of ${name} for PowerShell. Made by: ${name} completions powershell

Register-ArgumentCompleter -Native -CommandName ${quote(name)}, ${
    quote(`${name}.exe`)
  } -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # The subcommands and options of each command. Takes: how to complete a value (words, file, folder; text: not at
    # all), '' if it has no value. Many: more values may follow.
    $levels = @{
${levelsOf(program).map(toLevel).join("\n")}
    }

    # Find the command, and the option or argument to complete.
    $path = ${quote(name)}
    $places = 0
    $waiting = $null
    $ended = $false
    $typed = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
            else { $_.ToString() }
        })
    foreach ($word in $typed) {
        $level = $levels[$path]
        if ($waiting -and -not ($waiting.Many -and $word.StartsWith('-'))) {
            if (-not $waiting.Many) { $waiting = $null }
            continue
        }
        $waiting = $null
        if (-not $ended -and $word -ceq '--') {
            $ended = $true
        } elseif (-not $ended -and $word.Length -gt 1 -and $word.StartsWith('-')) {
            $waiting = $level.Options | Where-Object { $_.Name -ceq $word -and $_.Takes } |
                Select-Object -First 1
        } elseif ($places -eq 0 -and @($level.Commands | ForEach-Object { $_.Name }) -ccontains $word) {
            $path = "$path $word"
        } else {
            $places++
        }
    }

    $level = $levels[$path]
    $current = $wordToComplete
    $before = ''
    $value = $null
    $words = @()
    if ($waiting -and -not ($waiting.Many -and $current.StartsWith('-'))) {
        $value = $waiting
    } elseif (-not $ended -and $current -cmatch '^(--[^=]*)=(.*)$') {
        $option = $Matches[1]
        $before = "$option="
        $current = $Matches[2]
        $value = $level.Options | Where-Object { $_.Name -ceq $option -and $_.Takes } |
            Select-Object -First 1
    } elseif (-not $ended -and $current.StartsWith('-')) {
        $words = $level.Options
    } else {
        $value = $level.Arguments | Select-Object -Skip $places -First 1
        $last = $level.Arguments | Select-Object -Last 1
        if (-not $value -and $last -and $last.Many) { $value = $last }
        if ($places -eq 0) { $words = $level.Commands }
    }
    if ($value -and $value.Takes -ceq 'words') {
        $words = @($words) + @($value.Words | ForEach-Object { [pscustomobject]@{ Name = $_; Text = $_ } })
    }

    $results = @(
        $words | Where-Object { $_ -and $_.Name.StartsWith($current, [StringComparison]::Ordinal) } |
            ForEach-Object {
                $text = $_.Name
                if ($text -cnotmatch '^[\\w./-]+$') { $text = "'" + $text.Replace("'", "''") + "'" }
                [System.Management.Automation.CompletionResult]::new(
                    "$before$text", $_.Name, 'ParameterValue', $_.Text)
            }
        if ($value -and @('file', 'folder') -ccontains $value.Takes) {
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($current) |
                Where-Object { $value.Takes -ceq 'file' -or $_.ResultType -eq 'ProviderContainer' } |
                ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new(
                        $before + $_.CompletionText, $_.ListItemText, $_.ResultType, $_.ToolTip)
                }
        }
    )
    # With an empty result, PowerShell would offer files.
    if ($results.Count -gt 0) { $results } else { '' }
}
`;
}

function toLevel({ path, commands, options, arguments: values }: Level): string {
  const lists = {
    Commands: commands.map((command) => toWord(nameOf(command), command.description)),
    Options: options.flatMap(({ names, description, value }) =>
      names.map((name) => `${toWord(name, description)}; ${toValue(value)}`)
    ),
    Arguments: values.map(toValue),
  };
  const lines = Object.entries(lists).flatMap(([list, items]) =>
    items.length === 0 ? [`    ${list} = @()`] : [
      `    ${list} = @(`,
      ...items.map((item) => `        [pscustomobject]@{ ${item} }`),
      "    )",
    ]
  );
  return [`${quote(path)} = @{`, ...lines, "}"].map((line) => `        ${line}`).join("\n");
}

/** A word with its explanation, which PowerShell does not allow to be empty. */
function toWord(name: string, description: string): string {
  return `Name = ${quote(name)}; Text = ${quote(description || name)}`;
}

/** Every property is set, because reading a missing one is an error in strict mode. */
function toValue(value: ValueDescription | undefined): string {
  const takes = value === undefined ? "" : kindOf(value);
  const words = value?.choices.map(quote).join(", ") ?? "";
  const many = value?.variadic ?? false;
  return `Takes = ${quote(takes)}; Words = @(${words}); Many = $${many}`;
}

/** Quotes a text for PowerShell. Each of these quotation marks ends the text unless it is doubled. */
function quote(text: string): string {
  return `'${text.replaceAll(/['\u2018\u2019\u201a\u201b]/g, "$&$&")}'`;
}
