/**
 * Escapes text so that it is safe to show.
 *
 * @module
 */
/** Scripts in which a zero-width joiner or non-joiner between two letters changes their shape. */
const WITH_JOINERS = [
  ...["Arabic", "Syriac", "Mandaic", "Nko", "Adlam", "Mongolian", "Phags_Pa"],
  ...["Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada"],
  ...["Malayalam", "Sinhala", "Khmer", "Myanmar", "Tibetan"],
];
const SHAPED = `[[\\p{L}\\p{M}]&&[${
  WITH_JOINERS.map((script) => `\\p{Script_Extensions=${script}}`).join("")
}]]`;

/** Sequences in which invisible characters are legitimate and visible in their effect. */
const SAFE = [
  // Without the lookahead, each of a thousand sequences is tried at every position of a long name.
  "(?=\\p{Emoji})\\p{RGI_Emoji}",
  `(?<=${SHAPED})[\\u200c\\u200d](?=${SHAPED})`,
  // Variation selectors after characters that have variants.
  "(?<=[\\p{Ideographic}\\p{Extended_Pictographic}])[\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}]",
  "(?<=[\\p{L}&&\\p{Script=Mongolian}])[\\u180b-\\u180f]",
].join("|");

/**
 * Characters that act on a terminal or deceive a reader: control, format (such as bidirectional overrides), surrogate,
 * private and unassigned characters, separators, and all that are invisible or look like a space.
 */
const UNSAFE = "[\\p{C}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\u2800[\\p{Zs}--\\u0020]]";

const ANY_UNSAFE = new RegExp(UNSAFE, "v");
/** Compiled on first use, because compiling takes 20 ms, which most runs can save. */
let harmlessOrUnsafe: RegExp | undefined;

/**
 * Replaces every character of `text` that could deceive a terminal, a log or a reader by the result of `escape`. Default:
 * `\u{…}`. Escapes in `text` stay as they are.
 */
export function printable(text: string, escape: (character: string) => string = inBraces): string {
  // Nearly all texts are safe, and this check is much faster.
  if (!ANY_UNSAFE.test(text)) return text;
  harmlessOrUnsafe ??= new RegExp(`(${SAFE})|${UNSAFE}`, "gv");
  return text.replace(
    harmlessOrUnsafe,
    (found, harmless?: string) => harmless ?? escape(found),
  );
}

function inBraces(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/**
 * A file name that is safe to show and that {@link fromPrintable} reads back, even if an escape is part of the name
 * itself. Escape a name once only.
 */
export function printableName(name: string): string {
  return printable(name.replace(ESCAPE, (escaped) => `${inBraces("\\")}${escaped.slice(1)}`));
}

const ESCAPE = /\\u\{([0-9a-f]{1,6})\}/gi;

/** The reverse of {@link printableName}. */
export function fromPrintable(shown: string): string {
  return shown.replace(ESCAPE, (escaped, digits: string) => {
    const codePoint = parseInt(digits, 16);
    return codePoint > 0x10ffff ? escaped : String.fromCodePoint(codePoint);
  });
}

/**
 * A name as a word of a command line in a hint: safe to show, and in quotes if a shell requires them. The quotes are
 * double, because commands in hints stand in single ones.
 */
export function shellWord(name: string): string {
  const shown = printableName(name);
  if (/^[\p{L}\p{M}\p{N}_./@:+,%-]+$/u.test(shown)) return shown;
  // Interactive shells expand an exclamation mark even in double quotes.
  return `"${shown.replace(/["$`]|\\(?=["$`!\\]|$)/g, "\\$&").replaceAll("!", '"\\!"')}"`;
}

/** Names as the last arguments of a command: after `--` if one begins with a dash, so that it is not an option. */
export function shellNames(...names: readonly string[]): string {
  const words = names.map(shellWord);
  return (names.some((name) => name.startsWith("-")) ? ["--", ...words] : words).join(" ");
}

/** Whether a text is a valid user name: 1 to 254 ASCII letters and digits. */
export function isUserName(text: string): boolean {
  return /^[A-Za-z0-9]{1,254}$/.test(text);
}
