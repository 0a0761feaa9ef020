/** The search for words that docs/style.md rules out: sentences that it must find, and sentences that it must not. */
import assert from "node:assert/strict";
import { findPhrases } from "../../scripts/words/find_phrases.ts";

/** A text of a page, and the phrase found in it. */
const FOUND: readonly (readonly [string, string])[] = [
  ["The colours of a terminal.", "colours"],
  ["const isRecognised = true;", "isRecognised"],
  ["All below a folder is got with --recursive.", "is got"],
  ["The user is\ntold so.", "is told"],
  ["They are not let in.", "are not let in"],
  ["An upload is gone on with later.", "gone on with"],
  ["It goes on from there.", "goes on from"],
  ["The server goes on.", "goes on"],
  ["An upload that was broken off.", "broken off"],
  ["Files on their way count.", "on their way"],
  ["Where each comes from, and whence.", "whence"],
  ["It begins anew.", "anew"],
  ["It is stored all the same.", "all the same"],
  ["It does not work any more.", "any more"],
  ["It has so many bytes.", "so many"],
  ["The port behind the first one.", "behind"],
  ["It is sent by protocol 4.", "by protocol"],
  ["Clients of another make.", "of another make"],
  ["Ask by another way.", "by another way"],
  ["The token is for whoever has it.", "whoever"],
  ["Uploads, of which two fail.", "of which"],
  ["What has arrived stays where it is.", "What has arrived stays where it is."],
  ["- Who may not stay gets nothing.", "Who may not stay gets nothing."],
  ["One fact. What follows\nis another.", "What follows is another."],
  ["See what there is.", "what there is"],
  ["There is none.", "There is none"],
  ["It is no TOML.", "is no"],
  ["The settings in force.", "in force"],
  ["A server that is not to be had.", "be had"],
  ["The file that is to be stored.", "is to be"],
  ["An answer that is waited for.", "is waited for"],
  ["Where it is full, the server refuses.", "Where it is full,"],
  ["An option goes before the file.", "goes before"],
  ["It waits for ever.", "for ever"],
  ["A user logs in.", "logs in"],
  ["A user of his own.", "his"],
  ["Nobody else can be him.", "him"],
  ["| `--as <name>` | which name it has |", "| `--as <name>` | which"],
];

const NOT_FOUND: readonly string[] = [
  "Is there any more? It takes no more than any more than two could.",
  "The folder that was left behind, behind a proxy or behind NAT.",
  "The value is toldable, begotten, and a quota is set.",
  "What is a quota? Where does it come from?",
  "Where the server listens",
  "The folder is where it was. It has to be free.",
  "**What to do:** run it again.",
  "It is [out of reach](page.md#behind-a-wall).",
  "# What the server stores",
  "| `--as <name>` | name of the file, which must be free |",
  "Call `he`, `anew` or `whence()` as code.",
  "```\nhe begins anew\n```",
  "Do any make targets exist?",
  "A server over protocol 4. It is sent byte by byte.",
  "He-Ne lasers and the 'he' locale.",
  "So many that memory is full.",
];

Deno.test("words: ruled-out phrases are found", () => {
  for (const [text, phrase] of FOUND) {
    assert.deepEqual(findPhrases("page.md", text).map(({ phrase }) => phrase), [phrase], text);
  }
});

Deno.test("words: other sentences are not reported", () => {
  for (const text of NOT_FOUND) assert.deepEqual(findPhrases("page.md", text), [], text);
});

Deno.test("words: phrases are found across lines of comments, in joined strings and in help", () => {
  const source = [
    "/**",
    " * Settings that are in",
    " * force, and the keys.",
    " */",
    'const text = "It begins " +',
    '  "anew.";',
    "// The port",
    "behind(port);",
    '.option("--as <name>", "which name")',
  ].join("\n");
  assert.deepEqual(
    findPhrases("a.ts", source).map(({ line, phrase }) => [line, phrase]),
    [[2, "in force"], [6, "anew"], [8, "behind"], [9, 'option("--as <name>", "which']],
  );
  const help = "Options:\n  --as <name>   which name it has\n      --x <y>   name, whence\n";
  assert.deepEqual(
    findPhrases("help.txt", help).map(({ line, phrase }) => [line, phrase]),
    [[2, "--as <name> which"], [3, "whence"]],
  );
});
