/** Networks: which addresses are in them, and what is none. */
import assert from "node:assert/strict";
import { Networks, parseNetwork } from "../../../server/listen/networks.ts";

function networks(...texts: readonly string[]): Networks {
  return new Networks(texts.map((text) => {
    const network = parseNetwork(text);
    if (network === undefined) throw new Error(`${text} is no network`);
    return network;
  }));
}

Deno.test("networks: an address is in them if its first bits are equal", () => {
  const some = networks("10.1.0.0/16", "192.0.2.7", "2001:db8:1::/48", "::1");
  const inside = [
    ...["10.1.255.255", "192.0.2.7", "::ffff:10.1.2.3", "2001:db8:1:ffff::1", "::1"],
    "2001:db8:1::1%eth0",
  ];
  const outside = [
    ...["10.2.0.0", "192.0.2.8", "::ffff:10.2.0.0", "2001:db8:2::1", "::2", "localhost", ""],
  ];
  for (const address of inside) assert.ok(some.has(address), address);
  for (const address of outside) assert.ok(!some.has(address), address);
  assert.ok(networks("0.0.0.0/0").has("203.0.113.1"));
  assert.ok(!networks("0.0.0.0/0").has("2001:db8::1"));
  assert.ok(!networks().has("127.0.0.1"));
});

Deno.test("networks: a text that is none is refused", () => {
  const texts = [
    ...["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8"],
    ...["example.org", "fe80::1%eth0", "10.0.0.0/8x", "/8"],
  ];
  for (const text of texts) assert.equal(parseNetwork(text), undefined, text);
});
