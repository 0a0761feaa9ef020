import fc from "fast-check";

/**
 * Any character of Unicode, for `fc.string({ unit: anyCharacter })`. The same as `unit: "binary"`, whose table takes
 * seconds to make.
 */
export const anyCharacter: fc.Arbitrary<string> = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x10ffff }),
).map((codePoint) => String.fromCodePoint(codePoint));
