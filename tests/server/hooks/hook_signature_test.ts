import assert from "node:assert/strict";
import { HookSigner } from "../../../server/hooks/hook_signature.ts";

const EXAMPLE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

Deno.test("hook signature: the example of Standard Webhooks", () => {
  const hook = { delivery: "msg_p5jXN8AQM9LWM0D4loKWxJek", body: '{"test": 2432232314}' };
  assert.deepEqual(new HookSigner(`${EXAMPLE}\n`).headers(hook, 1614265330), {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

// printf '%s' 'msg_2.1700000000.{"file":"é"}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:… -binary | base64
Deno.test("hook signature: two secrets give two signatures, as openssl computes them", () => {
  const hook = { delivery: "msg_2", body: '{"file":"é"}' };
  const headers = new HookSigner(`${OTHER}\n${EXAMPLE}`).headers(hook, 1_700_000_000);
  assert.equal(
    headers["webhook-signature"],
    "v1,afe8pH5o83PLhWqktS8/PpMgE8sfGCG82aMnuy7pOVo= v1,v8FTJ1DUCtRWLqhhE7rYSWbCxqX9DJz6EgyRVLT+YDc=",
  );
});

Deno.test("hook signature: a secret that is missing, short, long or malformed is refused, and not shown", () => {
  const secrets = [
    ...["", "hush", "whsec_hush!", "whsec_hush", `whsec_${btoa("x".repeat(23))}`],
    ...[`whsec_${btoa("x".repeat(65))}`, Array(5).fill(EXAMPLE).join("\n")],
  ];
  for (const text of secrets) {
    assert.throws(() => new HookSigner(text), (error: Error & { code: string }) => {
      assert.equal(error.code, "bad-hook-secret");
      return !/hush|eHh4|MfKQ/.test(error.message);
    });
  }
});
