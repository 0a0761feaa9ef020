/** Messages about failures of other programs. */
import assert from "node:assert/strict";
import { reasonOf, reasonWithPathOf } from "../../protocol/errors.ts";

/** Deno's messages: to those who start it, and from a compiled executable. */
const DENIALS = [
  'Requires all access to "/proc/self/status", run again with the --allow-all flag',
  'Requires all access to "/proc/self/status", specify the required permissions during ' +
  "compilation using `deno compile --allow-all`",
];

Deno.test("reasonOf: Deno's advice, which no user can follow, is omitted", () => {
  for (const message of DENIALS) {
    assert.equal(
      reasonOf(new Deno.errors.NotCapable(message)),
      'xfer has no permission: Requires all access to "/proc/self/status"',
    );
  }
});

Deno.test("reasonOf: the call that Deno appends, with a path named before, is omitted", async () => {
  const calls = [
    () => Deno.open("/none/it's"),
    () => Deno.rename("/none/a.tmp", "/none/b"),
    () => Array.fromAsync(Deno.readDir("/none")),
    () => Deno.readFile("/none\n"),
  ];
  for (const call of calls) {
    const failure = await call().then(() => assert.fail(), (error) => error);
    assert.equal(reasonOf(failure), "no such file or directory");
    // A path that is not named before stays.
    assert.ok(reasonWithPathOf(failure).includes("'/none"));
  }
  // Node.js's form, which newer versions of Deno use, too.
  const denied = new Error("EACCES: permission denied, open '/none/a'");
  assert.equal(reasonOf(denied), "EACCES: permission denied");
  for (
    const ours of ["cannot read a: open 'x'", "no such thing, open 'x'", "a (os error 2): 'b'"]
  ) {
    assert.equal(reasonOf(new Error(ours)), ours);
  }
});

Deno.test("reasonOf: a connection that was cut off has a message of xfer", () => {
  const said = "peer closed connection without sending TLS close_notify: " +
    "https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof";
  assert.equal(
    reasonOf(new Deno.errors.UnexpectedEof(said)),
    "the other end closed the connection",
  );
});

Deno.test("reasonOf: control characters are escaped", () => {
  assert.equal(reasonOf(new Error("no \u001b[31m such file")), "no \\u{1b}[31m such file");
  assert.equal(reasonOf("a\nb"), "a\\u{a}b");
});
