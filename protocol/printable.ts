/**
 * Text that is safe to show.
 *
 * @module
 */
/** Scripts in which the zero-width (non-)joiner between two letters changes how these are written. */
const WITH_JOINERS = [
  ...["Arabic", "Syriac", "Mandaic", "Nko", "Adlam", "Mongolian", "Phags_Pa"],
  ...["Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada"],
  ...["Malayalam", "Sinhala", "Khmer", "Myanmar", "Tibetan"],
];
const SHAPED = `[[\\p{L}\\p{M}]&&[${
  WITH_JOINERS.map((script) => `\\p{Script_Extensions=${script}}`).join("")
}]]`;

/** Invisible characters where they do what they are for, and what is seen differs by them. */
const HARMLESS = [
  // Without a look at the first character each of a thousand sequences is tried at every place of a long name.
  "(?=\\p{Emoji})\\p{RGI_Emoji}",
  `(?<=${SHAPED})[\\u200c\\u200d](?=${SHAPED})`,
  // Variation selectors: one for a character that has variants.
  "(?<=[\\p{Ideographic}\\p{Extended_Pictographic}])[\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}]",
  "(?<=[\\p{L}&&\\p{Script=Mongolian}])[\\u180b-\\u180f]",
].join("|");

/**
 * What acts on a terminal or deceives a reader: control, format (bidirectional overrides among them), surrogate, private
 * and unassigned characters, separators, and all that is not seen or looks like a space.
 */
const UNSAFE = "[\\p{C}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\u2800[\\p{Zs}--\\u0020]]";

const ANY_UNSAFE = new RegExp(UNSAFE, "v");
/** Compiled when the first text needs it: compiling takes 20 ms, which most runs of the program can save. */
let harmlessOrUnsafe: RegExp | undefined;

/**
 * `text` with every character that a terminal, a log or a reader could take for something else written by `escape`;
 * without, as `\u{…}`, which {@link fromPrintable} reads back.
 */
export function printable(text: string, escape: (character: string) => string = inBraces): string {
  // Nearly every text is safe, and is seen to be so much faster.
  if (!ANY_UNSAFE.test(text)) return text;
  harmlessOrUnsafe ??= new RegExp(`(${HARMLESS})|${UNSAFE}`, "gv");
  return text.replace(
    harmlessOrUnsafe,
    (found, harmless?: string) => harmless ?? escape(found),
  );
}

function inBraces(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** The text that {@link printable} has shown so, where the text itself has no backslash: names of files have none. */
export function fromPrintable(shown: string): string {
  return shown.replace(/\\u\{([0-9a-f]{1,6})\}/gi, (escaped, digits: string) => {
    const codePoint = parseInt(digits, 16);
    return codePoint > 0x10ffff ? escaped : String.fromCodePoint(codePoint);
  });
}

/** A name as a word of a command line, to be copied from a hint: safe to show, and in quotes where a shell needs them. */
export function shellWord(name: string): string {
  const shown = printable(name);
  if (/^[\p{L}\p{M}\p{N}_./@:+,%-]+$/u.test(shown)) return shown;
  return `'${shown.replaceAll("'", "'\\''")}'`;
}

/** ASCII letters and digits only, 1 to 254 of them: what the protocol lets a user be called. */
export function isUserName(text: string): boolean {
  return /^[A-Za-z0-9]{1,254}$/.test(text);
}
