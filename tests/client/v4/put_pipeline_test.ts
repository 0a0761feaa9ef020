/** Several uploads over one connection. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { PutPipeline } from "../../../client/v4/put_pipeline.ts";
import { WorkQueue } from "../../../client/v4/work_queue.ts";
import { ScriptedServer } from "../../support/v4/scripted_session.ts";
import { CONTENT, send, storing, testUpload, uploadOf } from "../../support/v4/scripted_uploads.ts";
import { STORED } from "../../support/v4/message_fields.ts";

testUpload("a file is refused: it is cancelled, and the next is sent", async (folder) => {
  using server = new ScriptedServer((message, server) => {
    const { kind, tag } = message;
    if (kind === "put" && message.name === "a") {
      server.send({ kind: "error", tag, code: "over-limit", message: "it is full" });
    } else storing()(message, server);
  });
  const small = CONTENT.slice(0, 10);
  const { outcomes } = await send(
    server,
    await uploadOf(folder),
    await uploadOf(folder, small, "b"),
  );
  assert.deepEqual(outcomes, ["over-limit", cksum(small)]);
  assert.deepEqual(server.kinds("put", "cancel", "end"), ["put", "cancel", "put", "end"]);
});

testUpload("a small file: put, data and end are sent in one write", async (folder) => {
  using server = new ScriptedServer(storing());
  const { outcomes } = await send(server, await uploadOf(folder, CONTENT.slice(0, 4096)));
  assert.equal(outcomes.length, 1);
  assert.equal(server.writes.length, 1);
});

testUpload(
  "40 files, a window of 3: at most three puts are unanswered at a time",
  async (folder) => {
    let open = 0;
    let most = 0;
    using server = new ScriptedServer((message, server) => {
      if (message.kind === "put") most = Math.max(most, ++open);
      if (message.kind !== "end") return;
      setTimeout(() => {
        open--;
        server.send({ ...message, ...STORED, kind: "stored" });
      }, 0);
    }, { window: 3 });
    const uploads = await Promise.all(
      Array.from({ length: 40 }, (_, i) => uploadOf(folder, CONTENT.slice(0, i), `f${i}`)),
    );
    const { outcomes } = await send(server, ...uploads);
    assert.equal(outcomes.length, 40);
    assert.equal(most, 3);
  },
);

testUpload(
  "the connection is lost: uploads without an answer return to the queue",
  async (folder) => {
    using server = new ScriptedServer((message, server) => {
      if (message.kind === "end") server.close();
    });
    const uploads = await Promise.all(
      ["x", "y"].map((name) => uploadOf(folder, CONTENT.slice(0, 9), name)),
    );
    const queue = new WorkQueue(uploads);
    const pipeline = new PutPipeline(
      server.session,
      () => undefined,
      () => assert.fail("it has a result"),
    );
    await assert.rejects(pipeline.run(queue), { name: "NetworkError" });
    assert.deepEqual(new Set(queue.drain()), new Set(uploads));
  },
);
