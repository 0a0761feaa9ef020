/** Servers that register the name when they deny it. It is then taken, under the id in the denial. */
import assert from "node:assert/strict";
import { type Bytes, toHex } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { decodeTextField } from "../../../protocol/v3/text_field.ts";
import { edition2024early } from "../../../protocol/v3/editions/edition_2024early.ts";
import type { Outcome } from "../../../client/events.ts";
import type { Request, Response } from "../../../protocol/v3/messages.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import type { V3ConnectOptions } from "../../../client/v3/connect_options.ts";
import { askServer } from "../../../client/status.ts";
import { readTransferInfo } from "../../../client/identity/transfer_info.ts";
import { pseudoRandomBytes, utf8 } from "../../support/bytes.ts";
import { correctAnswers, type Reply, ScriptedV3Server } from "../../support/v3/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const CONTENT = utf8("content");

/** Registers an unknown client that asks to reconnect, and denies it with the new id. */
class RegistersTheDenied {
  readonly ids = new Map<string, Bytes>();
  readonly requests: string[] = [];
  readonly #sound = correctAnswers(cksum(CONTENT), 32);

  async answer(request: Request): Promise<Response> {
    this.requests.push(request.kind);
    const name = "name" in request ? decodeTextField(request.name) : "";
    const id = this.ids.get(name);
    switch (request.kind) {
      case "reconnect":
        if (id !== undefined && toHex(id) === toHex(request.clientId)) break;
        return { kind: "denied", clientId: this.#register(name) };
      case "register":
        if (id !== undefined) return { kind: "refused" };
        return { kind: "registered", clientId: this.#register(name) };
      case "publicKey":
        if (id === undefined || toHex(id) !== toHex(request.clientId)) {
          return { kind: "generalError" };
        }
    }
    return await this.#sound(request);
  }

  /** The first id of a name stays. */
  #register(name: string): Bytes {
    const id = this.ids.get(name) ?? pseudoRandomBytes(16, 41 + this.ids.size);
    this.ids.set(name, id);
    return id;
  }
}

function start(server: RegistersTheDenied, reply?: (request: Request) => Reply | undefined) {
  return new ScriptedV3Server(
    async (request) => reply?.(request) ?? await server.answer(request),
    undefined,
    edition2024early,
  );
}

async function send(
  folder: TemporaryFolder,
  server: ScriptedV3Server,
  options: Partial<V3ConnectOptions> = {},
): Promise<Outcome | undefined> {
  await folder.write("a", CONTENT);
  const [outcome] = await sendFiles({
    connect: {
      server: server.address,
      userName: "Alice",
      identityFolder: folder.path,
      edition: "auto",
      ...options,
    },
    retry: { retries: 0 },
    files: [folder.join("a")],
  });
  return outcome;
}

const codeOf = (outcome: Outcome | undefined) =>
  outcome !== undefined && "error" in outcome ? outcome.error.code : outcome?.state;

Deno.test("--edition auto: if the probe has registered the name, the public key is sent with the id from the denial", async () => {
  await using folder = await TemporaryFolder.create();
  const early = new RegistersTheDenied();
  await using server = start(early);
  assert.equal(codeOf(await send(folder, server)), "stored");
  const id = toHex(early.ids.get("Alice") ?? assert.fail());
  assert.equal((await Deno.readTextFile(folder.join("me.info"))).split("\n")[1], id);
  assert.deepEqual(early.requests, [
    ...["reconnect", "register", "publicKey"],
    ...["sendFile", "crcValid"],
  ]);
  assert.equal(codeOf(await send(folder, server)), "stored", "the same identity can reconnect");
});

Deno.test("unknown identity: if its denial has registered the name, the public key is sent with the id from the denial", async () => {
  await using folder = await TemporaryFolder.create();
  const before = new RegistersTheDenied();
  {
    await using server = start(before);
    assert.equal(codeOf(await send(folder, server)), "stored");
  }
  for (const edition of [edition2024early, "auto"] as const) {
    // A server that has lost its accounts.
    const early = new RegistersTheDenied();
    await using server = start(early);
    assert.equal(codeOf(await send(folder, server, { edition })), "stored");
    assert.equal(early.ids.size, 1);
  }
});

Deno.test("a server that closes after refusing a name is asked on another connection", async () => {
  await using folder = await TemporaryFolder.create();
  const early = new RegistersTheDenied();
  const refused = new Uint8Array([3, 0x41, 0x06, 0, 0, 0, 0]);
  await using server = start(early, ({ kind }) => kind === "register" ? refused : undefined);
  assert.equal(codeOf(await send(folder, server)), "stored");
});

Deno.test("a taken name is refused as taken, and no id from a denial is saved", async () => {
  await using folder = await TemporaryFolder.create();
  const early = new RegistersTheDenied();
  await using server = start(early, (request) => {
    if (request.kind === "register") return { kind: "refused" };
    return request.kind === "publicKey" ? { kind: "generalError" } : undefined;
  });
  assert.equal(codeOf(await send(folder, server)), "name-taken");
  await assert.rejects(Deno.stat(folder.join("me.info")), Deno.errors.NotFound);
});

Deno.test("detecting the edition does not register the user's name", async () => {
  await using folder = await TemporaryFolder.create();
  const early = new RegistersTheDenied();
  await using server = start(early);
  const { hostname, port } = server.address;
  const text = `${hostname}:${port}\nAlice\na\n`;
  const info = await readTransferInfo(await folder.write("transfer.info", text));
  const answering = await askServer({
    ...{ info, asked: "3", identityFolder: folder.path },
    onNewServer: () => Promise.resolve(false),
  });
  assert.ok(answering.protocol === 3 && answering.edition === edition2024early);
  assert.equal(early.ids.has("Alice"), false);
});
