/**
 * Signed requests to one bucket, repeated while they may still succeed.
 *
 * @module
 */
import { AwsV4Signer } from "aws4fetch";
import { type Bytes, toHex } from "../../../protocol/bytes.ts";
import { ConfigurationError, reasonOf } from "../../../protocol/errors.ts";
import { Backoff, RETRY_POLICY, type RetryPolicy, TransientFailure } from "./backoff.ts";
import { FairBudget } from "./fair_budget.ts";
import { failureIn, S3Refusal } from "./s3_failure.ts";

/** The time for an attempt, in milliseconds, in addition to that for its bytes. */
const ATTEMPT_MS = 30_000;
/** The slowest rate at which a store must take a part, in bytes per millisecond. Many parts can share a slow network. */
const SLOWEST_RATE = 64;
/** The longest answer that is not the content of an object, in bytes. A page of a list has about 500,000. */
const MAX_ANSWER = 8 * 1024 * 1024;

/** The most requests without an answer. Further ones wait. Downloads are limited by the server's connections. */
export const MOST_REQUESTS = 128;

/** After these refusals, the credentials are read again: they may have been replaced. */
const STALE_CREDENTIALS: readonly string[] = [
  ...["ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"],
];
/** A certificate that is not trusted now will not be in a second either. */
const CERTIFICATE = /certificate|UnknownIssuer|NotValidForName/i;

/** Keys of an account of the store. Never shown. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface S3ClientOptions {
  /** The bucket's URL, without a slash at its end. */
  readonly bucketUrl: string;
  readonly region: string;
  /** Called at the first request, and again when the store refuses the credentials. */
  readonly readCredentials: () => Promise<S3Credentials>;
  /** PEM certificates of authorities to trust besides those of the system. */
  readonly caCerts?: readonly string[] | undefined;
  readonly retry?: RetryPolicy | undefined;
}

export interface S3Request {
  readonly method: "DELETE" | "GET" | "HEAD" | "POST" | "PUT";
  /** The object's key. Default: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const NOTHING: Bytes = new Uint8Array(0);

export class S3Client implements Disposable {
  readonly retry: RetryPolicy;
  readonly #options: S3ClientOptions;
  readonly #http: Deno.HttpClient | undefined;
  /** Derived keys by day: most requests need one HMAC. */
  #signingKeys = new Map<string, ArrayBuffer>();
  #credentials: Promise<S3Credentials> | undefined;
  readonly #requests = new FairBudget(MOST_REQUESTS);
  /** Whether the bucket was there. */
  #isFound = false;

  constructor(options: S3ClientOptions) {
    this.#options = options;
    this.retry = options.retry ?? RETRY_POLICY;
    const { caCerts } = options;
    this.#http = caCerts && Deno.createHttpClient({ caCerts: [...caCerts] });
  }

  [Symbol.dispose](): void {
    this.#http?.close();
  }

  /**
   * Sends a request and reads its answer. Throws `S3Refusal`, `UnavailableError` `unavailable`, `ConfigurationError`
   * `object-store-certificate`. The signal ends the repetition, not the attempt that is being made.
   */
  async send(request: S3Request, signal?: AbortSignal): Promise<S3Answer> {
    const digest = await sha256(request.body ?? NOTHING);
    return await this.#repeat(
      signal,
      () =>
        this.#attempt(request, digest, signal, async (response) => {
          const text = await textIn(response);
          const failure = failureIn(response, text);
          if (failure !== undefined) throw failure;
          return { status: response.status, headers: response.headers, text };
        }),
    );
  }

  /** Sends a request whose answer is read by the caller, who repeats it if it is cut off. Throws as `send` does. */
  async open(request: S3Request): Promise<Response> {
    const digest = await sha256(NOTHING);
    return await this.#repeat(
      undefined,
      () =>
        this.#attempt(request, digest, undefined, async (response) => {
          if (response.ok) return response;
          throw failureIn(response, await textIn(response));
        }),
    );
  }

  async #repeat<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const backoff = new Backoff(this.retry);
    let hasNewCredentials = false;
    for (;;) {
      try {
        return await attempt();
      } catch (cause) {
        const error = this.#transient(cause);
        const isStale = error instanceof S3Refusal && STALE_CREDENTIALS.includes(error.code);
        if (!isStale || hasNewCredentials) await backoff.pause(error, signal);
        else {
          hasNewCredentials = true;
          this.#credentials = undefined;
        }
      }
    }
  }

  /** A store whose servers start, such as Swift, can say for a moment that the bucket does not exist. */
  #transient(error: unknown): unknown {
    const isGone = this.#isFound && error instanceof S3Refusal && error.code === "NoSuchBucket";
    return isGone ? new TransientFailure(`it answered ${error.message}`, { cause: error }) : error;
  }

  async #attempt<T>(
    request: S3Request,
    digest: string,
    signal: AbortSignal | undefined,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    await this.#requests.take(1, signal);
    try {
      return await this.#fetch(request, digest, read);
    } finally {
      this.#requests.give(1);
    }
  }

  async #fetch<T>(
    { body, ...request }: S3Request,
    digest: string,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { url, headers } = await this.#sign(request, digest);
    const controller = new AbortController();
    const ms = ATTEMPT_MS + (body?.length ?? 0) / SLOWEST_RATE;
    const late = new TransientFailure(`no answer within ${Math.round(ms / 1000)} seconds`);
    const timer = setTimeout(() => controller.abort(late), ms);
    try {
      const response = await fetch(url, {
        ...{ method: request.method, headers, redirect: "manual", signal: controller.signal },
        ...(body === undefined ? {} : { body }),
        ...(this.#http === undefined ? {} : { client: this.#http }),
      });
      const answer = await read(response);
      this.#isFound = true;
      return answer;
    } catch (error) {
      throw this.#failureOf(controller.signal.aborted ? late : error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #sign(
    { method, key = "", query = {}, headers = {} }: S3Request,
    digest: string,
  ): Promise<{ readonly url: URL; readonly headers: Headers }> {
    const { bucketUrl, region } = this.#options;
    const path = key.split("/").map(encodeURIComponent).join("/");
    const search = new URLSearchParams(query).toString();
    const url = `${bucketUrl}/${path}${search === "" ? "" : `?${search}`}`;
    const { accessKeyId, secretAccessKey, sessionToken } = await this.#currentCredentials();
    const signed = await new AwsV4Signer({
      ...{ method, url, region, service: "s3", cache: this.#keysOf(secretAccessKey) },
      ...{ accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
      headers: { ...headers, "x-amz-content-sha256": digest },
    }).sign();
    // Not signed, since proxies change it. A compressed answer would have another length.
    signed.headers.set("accept-encoding", "identity");
    return signed;
  }

  #currentCredentials(): Promise<S3Credentials> {
    if (this.#credentials === undefined) {
      this.#credentials = this.#options.readCredentials();
      // The next request tries to read them again.
      this.#credentials.catch(() => this.#credentials = undefined);
    }
    return this.#credentials;
  }

  /** The derived keys; emptied on a new day, or with new credentials, so that they stay few. */
  #keysOf(secretAccessKey: string): Map<string, ArrayBuffer> {
    const isOther = (name: string) => !name.startsWith(`${secretAccessKey},`);
    const names = [...this.#signingKeys.keys()];
    if (names.length > 1 || names.some(isOther)) this.#signingKeys = new Map();
    return this.#signingKeys;
  }

  /** A network failure is transient. */
  #failureOf(error: unknown): unknown {
    if (!(error instanceof TypeError)) return error;
    const reason = networkReason(error);
    if (!CERTIFICATE.test(reason)) return new TransientFailure(reason, { cause: error });
    return new ConfigurationError(
      "object-store-certificate",
      `cannot trust the object store: ${reason}`,
      {
        hint: "Set AWS_CA_BUNDLE to a PEM file with the certificate of its CA.",
        cause: error,
      },
    );
  }
}

/** The reason of a failed fetch, which newer versions of Deno give as the cause, without the URL that both repeat. */
function networkReason(error: TypeError): string {
  const reason = reasonOf(error.cause ?? error);
  return reason.replace(/^error sending request for url \([^)]*\)(?:: )?/, "") ||
    "the connection failed";
}

async function textIn(response: Response): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const piece of response.body) {
    size += piece.length;
    if (size > MAX_ANSWER) throw new S3Refusal(response.status, "", "a page that is too long");
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

async function sha256(bytes: Bytes): Promise<string> {
  if (bytes.length === 0) return DIGEST_OF_NOTHING;
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

const DIGEST_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
