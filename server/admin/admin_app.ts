/**
 * The requests that the operator's port answers.
 *
 * @module
 */
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { AdminAccess } from "./admin_access.ts";
import type { AdminSystem } from "./admin_system.ts";
import { logFailedRequest } from "./failed_request.ts";
import type { Health } from "./health.ts";
import type { HttpHandler } from "./http_port.ts";
import type { Metrics } from "./metrics.ts";
import type { PageEnvironment } from "./page/page_parts.ts";

export interface AdminParts {
  readonly system: AdminSystem;
  readonly access: AdminAccess;
  readonly health: Health;
  readonly metrics: Metrics;
  /** Adds the pages for the operator. */
  readonly pages: Hono<PageEnvironment>;
}

/** The context of a handler besides the request. */
export interface AdminEnvironment {
  readonly Bindings: {
    /** The address of the client. */
    readonly client: string;
  };
}

/** Nothing of a page comes from elsewhere, and no other page shows it. */
const HEADERS: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: "DENY",
  // With "no-referrer", browsers would not name the origin of the page's own forms.
  referrerPolicy: "same-origin",
  strictTransportSecurity: false,
};

export function adminHandler(parts: AdminParts): HttpHandler {
  const app = adminApp(parts);
  return (request, client) => app.fetch(request, { client });
}

function adminApp({ system, access, health, metrics, pages }: AdminParts): Hono<AdminEnvironment> {
  const app = new Hono<AdminEnvironment>();
  app.use(secureHeaders(HEADERS));
  app.use(async (c, next) => {
    if (!access.isForThisHost(c.req.raw.headers)) return c.text("Another host is meant\n", 421);
    c.header("Cache-Control", "no-store");
    return await next();
  });

  app.get("/healthz", (c) => c.text("ok\n"));

  app.get("/readyz", async (c) => {
    const { ready, checks } = await health.report();
    const mayRead = access.mayRead(c.req.raw.headers);
    return c.json({ ready, ...(mayRead ? { checks } : {}) }, ready ? 200 : 503);
  });

  app.get("/metrics", async (c) => {
    if (!access.mayRead(c.req.raw.headers)) {
      c.header("WWW-Authenticate", 'Bearer realm="xfer"');
      return c.text("A token is needed\n", 401);
    }
    const { contentType, text } = await metrics.page(c.req.header("accept"));
    return c.body(text, 200, { "Content-Type": contentType });
  });

  app.route("/", pages);
  app.notFound((c) => c.text("Not found\n", 404));
  app.onError((error, c) => {
    logFailedRequest(system.context.log, c.req, error);
    return c.text("The server could not answer\n", 500);
  });
  return app;
}
