/** The operator's page of a server, asked over a socket. */
import assert from "node:assert/strict";
import type { ServerOptions } from "../../../server/lifecycle/server_options.ts";
import { Fixture, LOOPBACK } from "../v4/fixture.ts";
import { type Answer, ask, type HttpRequest } from "./http.ts";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

/** The cookie of a session, and the token of its forms. */
export interface SignedIn {
  readonly cookie: string;
  readonly form: string;
}

/** A server with a page, and the account Alice. */
export class OperatorPage implements AsyncDisposable {
  readonly fixture: Fixture;

  private constructor(fixture: Fixture) {
    this.fixture = fixture;
  }

  static async open({ limits, ...options }: Partial<ServerOptions> = {}): Promise<OperatorPage> {
    const admin = { listen: [LOOPBACK] };
    const page = new OperatorPage(await Fixture.create(limits, { admin, ...options }));
    (await page.fixture.client("Alice"))[Symbol.dispose]();
    return page;
  }

  get address() {
    return this.fixture.server.adminAddresses[0] ?? assert.fail("no admin port");
  }

  send(request: HttpRequest): Promise<Answer> {
    return ask(this.address, request);
  }

  post(
    path: string,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    return this.send({ method: "POST", path, body, headers: { ...FORM, ...headers } });
  }

  /** The token of a new link. */
  token(): string {
    return new URL(this.fixture.server.createAdminLink() ?? "").searchParams.get("token") ?? "";
  }

  /** `headers`: of each request. */
  async signIn(headers: Readonly<Record<string, string>> = {}): Promise<SignedIn> {
    const answer = await this.post("/login", `token=${this.token()}`, headers);
    const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
    const { body } = await this.send({
      path: "/users/Alice",
      headers: { Cookie: cookie, ...headers },
    });
    const [, form = ""] = /name="form-token" value="([^"]+)"/.exec(body) ?? [];
    return { cookie, form };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.fixture[Symbol.asyncDispose]();
  }
}
