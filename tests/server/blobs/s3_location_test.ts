/** The place of the blobs, and the credentials for it. */
import assert from "node:assert/strict";
import { ConfigurationError } from "../../../protocol/errors.ts";
import { type S3Location, s3Options } from "../../../server/blobs/s3/s3_location.ts";
import { elementsOf, escapeXml, textOf } from "../../../server/blobs/s3/xml.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "top-secret" };

function optionsOf(
  location: S3Location,
  variables: Readonly<Record<string, string>> = KEYS,
  files: Readonly<Record<string, string>> = {},
) {
  return s3Options(location, {
    variable: (name) => variables[name],
    readTextFile: (path) =>
      Promise.resolve().then(() => {
        const text = files[path];
        if (text === undefined) throw new Deno.errors.NotFound("No such file (os error 2)");
        return text;
      }),
  });
}

const PLACES: readonly (readonly [S3Location, bucketUrl: string, prefix: string])[] = [
  [
    { url: "s3://files", region: "eu-west-1" },
    ...["https://files.s3.eu-west-1.amazonaws.com", ""] as const,
  ],
  [
    { url: "s3://files/", region: "cn-north-1" },
    ...["https://files.s3.cn-north-1.amazonaws.com.cn", ""] as const,
  ],
  [
    { url: "s3://my.files/a/b", region: "eu-west-1" },
    ...["https://s3.eu-west-1.amazonaws.com/my.files", "a/b/"] as const,
  ],
  [
    { url: "s3://files/xfer/", endpoint: "http://127.0.0.1:9000" },
    ...["http://127.0.0.1:9000/files", "xfer/"] as const,
  ],
  [
    { url: "s3://files/xfer", endpoint: "https://{bucket}.example.org/" },
    ...["https://files.example.org", "xfer/"] as const,
  ],
];

for (const [location, bucketUrl, prefix] of PLACES) {
  Deno.test(`s3 location: ${location.url} is ${prefix} in ${bucketUrl}`, async () => {
    const options = await optionsOf(location);
    assert.deepEqual([options.bucketUrl, options.prefix], [bucketUrl, prefix]);
  });
}

Deno.test("s3 location: the environment names what the options don't", async () => {
  const variables = {
    ...KEYS,
    ...{ AWS_ENDPOINT_URL: "https://one.example.org", AWS_DEFAULT_REGION: "one" },
    ...{ AWS_ENDPOINT_URL_S3: "https://two.example.org", AWS_REGION: "two" },
    AWS_CA_BUNDLE: "/ca.pem",
  };
  const found = await optionsOf({ url: "s3://files" }, variables, { "/ca.pem": "PEM" });
  assert.deepEqual(
    [found.bucketUrl, found.region, found.caCerts],
    ["https://two.example.org/files", "two", ["PEM"]],
  );
  const given = { url: "s3://files", endpoint: "https://three.example.org", region: "three" };
  const chosen = await optionsOf(given, variables, { "/ca.pem": "PEM" });
  assert.deepEqual(
    [chosen.bucketUrl, chosen.region],
    ["https://three.example.org/files", "three"],
  );
});

const FILE = `
[default]
aws_access_key_id = D
aws_secret_access_key=d/+=
[ other ]
# a comment
AWS_ACCESS_KEY_ID = O
aws_secret_access_key = o
aws_session_token = t
`;

Deno.test("s3 location: credentials come from the environment, or from a profile of a file", async () => {
  const location = { url: "s3://files", region: "r" };
  const file = { AWS_SHARED_CREDENTIALS_FILE: "/keys" };
  const credentials = async (variables: Readonly<Record<string, string>>) =>
    await (await optionsOf(location, variables, { "/keys": FILE })).readCredentials();
  const secrets = { accessKeyId: "AKIA", secretAccessKey: "top-secret", sessionToken: undefined };
  assert.deepEqual(await credentials(KEYS), secrets);
  assert.deepEqual(await credentials({ ...KEYS, ...file }), secrets);
  assert.deepEqual(await credentials({ ...KEYS, AWS_SESSION_TOKEN: "t" }), {
    ...secrets,
    sessionToken: "t",
  });
  const fromFile = { accessKeyId: "D", secretAccessKey: "d/+=", sessionToken: undefined };
  assert.deepEqual(await credentials(file), fromFile);
  assert.deepEqual(
    await credentials({ ...file, AWS_PROFILE: "other" }),
    { accessKeyId: "O", secretAccessKey: "o", sessionToken: "t" },
  );
});

Deno.test("s3 location: mistakes are refused, without secrets", async () => {
  const good = { url: "s3://files", region: "r" };
  const mistakes: readonly (readonly [
    S3Location,
    variables?: Readonly<Record<string, string>>,
  ])[] = [
    ...["http://files", "s3://", "s3://UPPER", "s3://f", "s3://files/../x", "s3://files//x"]
      .map((url) => [{ ...good, url }] as const),
    ...[
      "s3://k:top-secret@files",
      "s3://files/x?y",
      "s3://files/a b",
      `s3://files/${"x".repeat(600)}`,
    ]
      .map((url) => [{ ...good, url }] as const),
    ...["example.org", "ftp://example.org", "https://u:top-secret@example.org", "https://x/?y"]
      .map((endpoint) => [{ ...good, endpoint }] as const),
    [{ url: "s3://files" }],
    [{ url: "s3://files", region: "a b" }],
    [good, {}],
    [good, { AWS_ACCESS_KEY_ID: "AKIA" }],
    [good, { AWS_SHARED_CREDENTIALS_FILE: "/none" }],
    [good, { ...KEYS, AWS_CA_BUNDLE: "/none" }],
  ];
  for (const [location, variables] of mistakes) {
    await assert.rejects(optionsOf(location, variables), (error) => {
      assert.ok(error instanceof ConfigurationError && error.code === "blobs-misconfigured");
      assert.ok(error.hint);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /top-secret/);
      return true;
    }, `${location.url} ${location.endpoint} ${JSON.stringify(variables)}`);
  }
});

Deno.test("s3 xml: text is unescaped once, and escaped text is the same again", () => {
  const text = `"<a & b>'&amp;\u{1f600}`;
  const xml = `<R><A x="1">${escapeXml(text)}</A><A>second</A><B/></R>`;
  assert.equal(textOf(xml, "A"), text);
  assert.equal(textOf(xml, "B"), "");
  assert.equal(textOf(xml, "C"), undefined);
  assert.deepEqual(elementsOf("<P><A>1</A></P><Q/><P>2</P><P/><P>3", "P"), ["<A>1</A>", "2", ""]);
  // In time proportional to the length.
  assert.deepEqual(elementsOf("<P>".repeat(1_000_000), "P"), []);
  assert.equal(
    textOf("<A>&quot;&#65;&#x42;&apos;&none;&#x110000;</A>", "A"),
    `"AB'&none;&#x110000;`,
  );
});
