import assert from "node:assert/strict";
import { checkHookUrl } from "../../../server/hooks/hook_settings.ts";

Deno.test("hook URL: https goes anywhere, http only to this machine unless the operator allows it", () => {
  for (
    const url of [
      ...["https://example.org/a?b=c", "http://127.0.0.1:8000/", "http://localhost/x"],
      "http://[::1]:80/",
    ]
  ) {
    assert.equal(checkHookUrl({ url }).href, new URL(url).href);
  }
  assert.ok(checkHookUrl({ url: "http://10.0.0.1/", isPlainAllowed: true }));
});

Deno.test("hook URL: other schemes, passwords and http to other machines are refused, without secrets in the message", () => {
  const urls = [
    ...["file:///etc/passwd", "https://user:hush@example.org/", "http://example.org/?token=hush"],
    ...["http://localhost.example.org/", "http://127.0.0.1.example.org/", "hush"],
  ];
  for (const url of urls) {
    assert.throws(() => checkHookUrl({ url }), (error: Error & { code: string }) => {
      assert.equal(error.code, "bad-hook-url");
      return url === "hush" || !error.message.includes("hush");
    });
  }
});
