/** What is said of failures that are not our own. */
import assert from "node:assert/strict";
import { reasonOf, reasonWithPathOf } from "../../protocol/errors.ts";

/** As Deno says it: to those who start it, and by an executable that it has made. */
const DENIALS = [
  'Requires all access to "/proc/self/status", run again with the --allow-all flag',
  'Requires all access to "/proc/self/status", specify the required permissions during ' +
  "compilation using `deno compile --allow-all`",
];

Deno.test("why something has failed is told without advice that no user can follow", () => {
  for (const message of DENIALS) {
    assert.equal(
      reasonOf(new Deno.errors.NotCapable(message)),
      'xfer has no permission: Requires all access to "/proc/self/status"',
    );
  }
});

Deno.test("why something has failed is told without the call that Deno adds, whose path is said before", async () => {
  const calls = [
    () => Deno.open("/none/it's"),
    () => Deno.rename("/none/a.tmp", "/none/b"),
    () => Array.fromAsync(Deno.readDir("/none")),
    () => Deno.readFile("/none\n"),
  ];
  for (const call of calls) {
    const failure = await call().then(() => assert.fail(), (error) => error);
    assert.equal(reasonOf(failure), "no such file or directory");
    // Where nobody has said it, it is said.
    assert.ok(reasonWithPathOf(failure).includes("'/none"));
  }
  // As Node.js says it, and newer versions of Deno for it.
  const denied = new Error("EACCES: permission denied, open '/none/a'");
  assert.equal(reasonOf(denied), "EACCES: permission denied");
  for (
    const ours of ["cannot read a: open 'x'", "no such thing, open 'x'", "a (os error 2): 'b'"]
  ) {
    assert.equal(reasonOf(new Error(ours)), ours);
  }
});

Deno.test("a connection that is cut off is told in words of this program", () => {
  const said = "peer closed connection without sending TLS close_notify: " +
    "https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof";
  assert.equal(
    reasonOf(new Deno.errors.UnexpectedEof(said)),
    "the other end closed the connection",
  );
});

Deno.test("why something has failed is safe to show", () => {
  assert.equal(reasonOf(new Error("no \u001b[31m such file")), "no \\u{1b}[31m such file");
  assert.equal(reasonOf("a\nb"), "a\\u{a}b");
});
