/** How errors and failed files are reported. */
import assert from "node:assert/strict";
import {
  InterruptedError,
  NetworkError,
  RefusedError,
  StorageError,
} from "../../../protocol/errors.ts";
import { eventsIn } from "../../support/events.ts";
import { reporterWith } from "../../support/reporter.ts";

Deno.test("errors: one that affects several files is reported once, an interruption never", () => {
  const { reporter, stderr } = reporterWith({});
  const error = new NetworkError("x", "It failed");
  for (
    const reported of [
      error,
      error,
      new InterruptedError("interrupted", "the operation was aborted"),
    ]
  ) {
    reporter.reportError(reported);
  }
  assert.equal(stderr.text, "xfer: It failed [x]\n");
});

const REFUSED = new RefusedError("no-such-file", "the server refuses", {
  hint: "List your files.",
});
const NOT_GOT = {
  event: "not-got",
  name: "sea.jpg",
  target: "sea.jpg",
  code: "no-such-file",
} as const;

Deno.test("failures: one item names the file and the reason; JSON has the error and the event", () => {
  const { reporter, stderr } = reporterWith({});
  reporter.reportFailure(REFUSED, NOT_GOT);
  assert.equal(
    stderr.text,
    "xfer: failed to download sea.jpg: the server refuses [no-such-file]\n      List your files.\n",
  );
  const json = reporterWith({ json: true, quiet: true });
  json.reporter.reportFailure(REFUSED, NOT_GOT);
  json.reporter.reportFailure(REFUSED, { ...NOT_GOT, name: "b.jpg" });
  const events = eventsIn(json.stdout.text).map(({ event }) => event);
  assert.deepEqual(events, ["error", "not-got", "not-got"], "an error is reported once");
});

Deno.test("failures: a message that names the file stands alone", () => {
  const error = (message: string) => new RefusedError("no-such-file", message);
  for (
    const [message, name, words] of [
      ["no file sea.jpg", "sea.jpg", "no file sea.jpg"],
      ['cannot read "a b.c": denied', "a b.c", 'cannot read "a b.c": denied'],
      ["no file sea.jpg", "a.jpg", "failed to download a.jpg: no file sea.jpg"],
      ["the server refuses a file", "a", "failed to download a: the server refuses a file"],
      ["cannot read nofile: no such file", "nofile", "cannot read nofile: no such file"],
      ["cannot read server: denied", "server", "cannot read server: denied"],
      ["the server is full", "server", "failed to download server: the server is full"],
      [
        "cannot read the disk: denied",
        "disk",
        "failed to download disk: cannot read the disk: denied",
      ],
      [
        "cannot write x: the disk is full",
        "disk",
        "failed to download disk: cannot write x: the disk is full",
      ],
      ["photos is not a file", "photos", "photos is not a file"],
      [
        "the server refused: no such file: photos",
        "photos",
        "the server refused: no such file: photos",
      ],
      ["photo is not a file", "photos", "failed to download photos: photo is not a file"],
      ["cannot tell whether sea was stored", "sea", "cannot tell whether sea was stored"],
      ["the server stored sea as it is", "sea", "the server stored sea as it is"],
    ] as const
  ) {
    const { reporter, stderr } = reporterWith({});
    reporter.reportFailure(error(message), { ...NOT_GOT, name });
    assert.equal(stderr.text, `xfer: ${words} [no-such-file]\n`);
  }
});

Deno.test("failures: an error that ends the work on several files is shown in full once", () => {
  const { reporter, stderr } = reporterWith({});
  const lost = new NetworkError("lost", "the connection was lost", { hint: "Try again." });
  const put = { event: "not-stored", code: "lost" } as const;
  for (const path of ["a", "b"]) {
    reporter.reportFailure(lost, { ...put, path, state: "not-stored" });
  }
  reporter.reportFailure(lost, { ...put, path: "c", state: "not-tried" });
  assert.equal(
    stderr.text,
    "xfer: failed to upload a: the connection was lost [lost]\n      Try again.\n" +
      "Failed to upload b: the connection was lost\nNot started: c\n",
  );
});

Deno.test("failures: of an interrupted command only the files are listed, and the summary counts them", () => {
  const { reporter, stdout, stderr } = reporterWith({});
  const stopped = new InterruptedError("interrupted", "the command was stopped");
  const put = { event: "not-stored", code: "interrupted" } as const;
  reporter.reportFailure(stopped, { ...put, path: "a", state: "not-stored" });
  reporter.reportFailure(stopped, { ...put, path: "b", state: "not-tried" });
  reporter.report({ event: "summary", action: "put", done: 1, bytes: 2048, failed: 2 });
  assert.equal(stderr.text, "Interrupted: a\nNot started: b\n");
  assert.equal(stdout.text, "Uploaded 1 file (2.0 KiB), 2 interrupted\n");
});

Deno.test("failures: a very long name of letters alone is reported like any other", () => {
  const { reporter, stderr } = reporterWith({});
  const name = "a".repeat(5_000_000);
  reporter.reportFailure(new RefusedError("no-such-file", `no file ${name}`), { ...NOT_GOT, name });
  assert.ok(stderr.text === `xfer: no file ${name} [no-such-file]\n`);
});

Deno.test("failures: a hint that files share is shown with the first of them; JSON has it with each", () => {
  const { reporter, stderr } = reporterWith({});
  const json = reporterWith({ json: true });
  for (
    const [name, hint] of [
      ...[["a", "Wait."], ["b", "Wait."], ["c", "Try again."], ["d", "Wait."]] as const,
    ]
  ) {
    const error = () => new RefusedError("over-limit", "the server refused", { hint });
    for (const one of [reporter, json.reporter]) {
      one.reportFailure(error(), { event: "not-got", name, target: name, code: "over-limit" });
    }
  }
  const failure = (name: string) =>
    `xfer: failed to download ${name}: the server refused [over-limit]`;
  assert.deepEqual(stderr.text.trimEnd().split("\n"), [
    ...[failure("a"), "      Wait.", failure("b"), failure("c"), "      Try again."],
    ...[failure("d"), "      Wait."],
  ]);
  const hints = eventsIn(json.stdout.text, "error").map(({ hint }) => hint);
  assert.deepEqual(hints, ["Wait.", "Wait.", "Try again.", "Wait."]);
});

Deno.test("failures: of many files that were not started a few are named, more with --verbose or --json", () => {
  const stopped = new InterruptedError("interrupted", "the command was stopped");
  const put = { event: "not-stored", code: "interrupted", state: "not-tried" } as const;
  const written = (options: Parameters<typeof reporterWith>[0]) => {
    const { reporter, stdout, stderr } = reporterWith(options);
    for (let file = 0; file < 500; file++) {
      reporter.reportFailure(stopped, { ...put, path: `${file}` });
    }
    return { lines: stderr.text.trimEnd().split("\n"), events: eventsIn(stdout.text).length };
  };
  const { lines } = written({});
  assert.equal(lines.length, 11);
  assert.equal(lines[9], "Not started: 9");
  assert.equal(lines[10], "Not started: more files. For a longer list, add --verbose.");
  assert.equal(written({ verbose: true }).lines.length, 500);
  const { reporter, stderr } = reporterWith({});
  for (let file = 0; file < 500; file++) {
    reporter.reportFailure(stopped, { ...NOT_GOT, name: `${file}`, code: "interrupted" });
  }
  reporter.reportFailure(stopped, { ...put, path: "sent", state: "unknown" });
  assert.deepEqual(stderr.text.trimEnd().split("\n").slice(9), [
    "Interrupted: 9",
    "Interrupted: more files. For a longer list, add --verbose.",
    "Unconfirmed: sent may be on the server. Upload it again to be sure",
  ]);
  assert.equal(written({ json: true }).events, 500);
});

Deno.test("failures: the path - is called standard input", () => {
  const { reporter, stderr } = reporterWith({});
  const put = { event: "not-stored", path: "-", state: "not-stored" } as const;
  const unreadable = new StorageError("cannot-read", "cannot read standard input: it is a folder");
  reporter.reportFailure(unreadable, { ...put, code: "cannot-read" });
  const lost = new NetworkError("lost", "the connection was lost");
  reporter.reportFailure(lost, { ...put, code: "lost" });
  reporter.reportFailure(lost, { ...put, code: "lost" });
  const stopped = new InterruptedError("interrupted", "the command was stopped");
  reporter.reportFailure(stopped, { ...put, code: "interrupted" });
  assert.deepEqual(stderr.text.trimEnd().split("\n"), [
    "xfer: cannot read standard input: it is a folder [cannot-read]",
    "xfer: failed to upload standard input: the connection was lost [lost]",
    "Failed to upload standard input: the connection was lost",
    "Interrupted: standard input",
  ]);
});
