/**
 * The requests of the operator's page.
 *
 * @module
 */
import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { renderSVG } from "uqr";
import { UnavailableError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import {
  type AdminAction,
  endConnection,
  logAction,
  quotaSubject,
} from "../../operator/actions.ts";
import { quotaOfAll } from "../../uploads/quota_reservations.ts";
import { CatalogRefusal } from "../../catalog/refusal.ts";
import type { ShownSetting } from "../admin_system.ts";
import { logFailedRequest } from "../failed_request.ts";
import { cookieName, isOwnForm } from "./admin_sessions.ts";
import { eventsView } from "./events_view.ts";
import { fieldOf, isFromThisPage, quotaOf, wholeNumber } from "./form_fields.ts";
import { type Html, ICON, page } from "./layout.ts";
import { liveState, liveStream } from "./live_stream.ts";
import { overview } from "./live_view.ts";
import { ActionError, OperatorStore } from "./operator_store.ts";
import type { PageEnvironment, PageParts, PageRequest } from "./page_parts.ts";
import { KIND_NAMES } from "./recent_events.ts";
import { settingsView } from "./settings_view.ts";
import { refusedView, signInView } from "./sign_in_view.ts";
import { storageView } from "./storage_view.ts";
import { SCRIPT } from "./live_script.ts";
import { STYLE } from "./style.ts";
import { userView } from "./user_view.ts";
import { type NewInvitation, usersView } from "./users_view.ts";

/** The newest events on their page. */
const MANY_EVENTS = 200;
/** The white modules around a QR code that its readers need. */
const QUIET_ZONE = 4;
const FAILED = "The server could not do this. Its log says why.";
const LINK_USED = "The link was used already, or is older than ten minutes. " +
  "Run xfer server admin-link again.";
/** The most characters of a text to search for. */
const MAX_TEXT = 200;

export function pageApp(parts: PageParts): Hono<PageEnvironment> {
  const { system, sessions, events, isSecure } = parts;
  const { context: { clock, log } } = system;
  const store = new OperatorStore(system.context);
  const cookieIn = (c: PageRequest) => cookieName(c.req.header("host") ?? "", isSecure);
  const app = new Hono<PageEnvironment>();

  app.get("/style.css", (c) => asset(c, STYLE, "text/css"));
  app.get("/live.js", (c) => asset(c, SCRIPT, "text/javascript"));
  app.get("/icon.svg", (c) => asset(c, ICON, "image/svg+xml"));

  app.use(async (c, next) => {
    if (c.req.method === "GET" || c.req.method === "HEAD") return await next();
    if (c.req.method !== "POST") return c.text("Not found\n", 404);
    if (!isFromThisPage(c)) return c.html(refusedView("The form is not one of this page."), 403);
    return await next();
  });

  app.get("/login", (c) => c.html(signInView(c.req.query("token") ?? "")));
  app.post("/login", async (c) => {
    const begun = sessions.begin(await fieldOf(c, "token"));
    if (begun === undefined) {
      log.warn("Refused a sign-in to the operator's page from {address}: the link is not valid", {
        event: "operator.refused",
        address: c.env.client,
      });
      return c.html(refusedView(LINK_USED), 403);
    }
    setCookie(c, cookieIn(c), begun.cookie, {
      ...{ httpOnly: true, sameSite: "Strict", secure: isSecure, path: "/" },
      expires: new Date(begun.session.expiresAt),
    });
    logAction(log, { operator: begun.session.name, action: "signed-in", address: c.env.client });
    return c.redirect("/", 303);
  });

  // Everything below needs a session.
  app.use(async (c, next) => {
    const session = sessions.find(getCookie(c, cookieIn(c)));
    if (session === undefined) {
      if (c.req.path === "/live") return c.text("Sign in\n", 401);
      return c.html(signInView(""), 401);
    }
    c.set("session", session);
    if (c.req.method === "POST" && !isOwnForm(session, await fieldOf(c, "form-token"))) {
      return c.html(refusedView("The form is not one of this session. Load the page again."), 403);
    }
    return await next();
  });

  const show = (c: PageRequest, path: string, title: string, content: Html) =>
    c.html(page({ title, server: system.name, path, session: c.get("session") }, content));
  const act = (c: PageRequest, action: AdminAction, about: Readonly<Record<string, string>>) =>
    logAction(log, { operator: c.get("session").name, action, address: c.env.client, ...about });
  const field = async (c: PageRequest, name: string) => (await fieldOf(c, name)).trim();
  const textIn = (c: PageRequest) => (c.req.query("text") ?? "").slice(0, MAX_TEXT);

  app.post("/logout", (c) => {
    sessions.end(getCookie(c, cookieIn(c)) ?? "");
    deleteCookie(c, cookieIn(c), { path: "/", secure: isSecure });
    return c.redirect("/login", 303);
  });

  app.get("/", async (c) => {
    const state = await liveState(parts, store, c.get("session"));
    return show(c, "/", "Overview", overview(state));
  });

  app.get("/live", liveStream(parts, store));

  app.get("/users", async (c) => await showUsers(c, undefined));
  const showUsers = async (c: PageRequest, made: NewInvitation | undefined) => {
    const [accounts, invitations] = await Promise.all([store.accounts(), store.invitations()]);
    const state = { accounts, text: textIn(c), invitations, session: c.get("session"), made };
    return show(c, "/users", "Users", usersView(state));
  };
  app.post("/invitations", async (c) => {
    const label = await field(c, "label");
    const uses = wholeNumber(await field(c, "uses"), 1, 10_000, "Users");
    const days = wholeNumber(await field(c, "days"), 1, 366, "Days");
    if (label.length > 100 || printable(label) !== label) {
      throw new ActionError("A note is one line of up to 100 characters.");
    }
    const { id, token, expiresAt } = await store.invite({
      ...{ label: label === "" ? undefined : label, uses, days },
    });
    act(c, "invitation-created", { subject: id });
    const location = system.location();
    const text = location === undefined ? token : `${location} ${token}`;
    const code = renderSVG(text, { border: QUIET_ZONE });
    return await showUsers(c, { token, expiresAt, location, code });
  });
  app.post("/invitations/:id/revoke", async (c) => {
    const id = c.req.param("id");
    await store.revokeInvitation(id);
    act(c, "invitation-revoked", { subject: printable(id) });
    return c.redirect("/users", 303);
  });

  app.get("/users/:name", async (c) => {
    const name = c.req.param("name");
    const user = await store.user(name);
    const defaults = quotaOfAll(system.context.limits);
    const content = userView({ ...user, defaults, session: c.get("session") });
    return show(c, "/users", `User ${user.account.name}`, content);
  });
  app.post("/users/:name/disable", async (c) => {
    await store.setDisabled(c.req.param("name"), true);
    act(c, "user-disabled", { user: printable(c.req.param("name")) });
    return back(c);
  });
  app.post("/users/:name/enable", async (c) => {
    await store.setDisabled(c.req.param("name"), false);
    act(c, "user-enabled", { user: printable(c.req.param("name")) });
    return back(c);
  });
  app.post("/users/:name/quota", async (c) => {
    const quota = quotaOf(await field(c, "size"), await field(c, "files"));
    await store.setQuota(c.req.param("name"), quota);
    act(c, "quota-set", { user: printable(c.req.param("name")), subject: quotaSubject(quota) });
    return back(c);
  });
  app.post("/users/:name/keys/remove", async (c) => {
    const fingerprint = await field(c, "fingerprint");
    await store.removeKey(c.req.param("name"), fingerprint);
    const user = printable(c.req.param("name"));
    act(c, "key-removed", { user, subject: printable(fingerprint) });
    return back(c);
  });
  app.post("/users/:name/restore", async (c) => {
    const file = await fieldOf(c, "file");
    await store.restore(c.req.param("name"), file);
    const user = printable(c.req.param("name"));
    act(c, "file-restored", { user, subject: printable(file) });
    return back(c);
  });

  app.post("/connections/:id/end", async (c) => {
    const id = c.req.param("id");
    const by = { operator: c.get("session").name, address: c.env.client };
    if (!endConnection(system.context, id, by) && !(await store.endElsewhere(id, by.operator))) {
      throw new ActionError("The connection has ended already.");
    }
    return c.redirect("/", 303);
  });

  app.get("/events", (c) => {
    const kind = KIND_NAMES.find((name) => name === c.req.query("kind"));
    const text = textIn(c);
    const found = events.find({ kind, text, limit: MANY_EVENTS });
    return show(c, "/events", "Events", eventsView(found, { kind, text }));
  });

  app.get("/storage", async (c) => {
    const accounts = await store.accounts();
    const largest = c.req.query("largest") === undefined ? undefined : await store.largest();
    const check = await system.check.status();
    const state = { accounts, largest, session: c.get("session"), check };
    return show(c, "/storage", "Storage", storageView(state));
  });
  app.post("/check", async (c) => {
    if (await system.check.begin()) act(c, "check-started", {});
    return c.redirect("/storage", 303);
  });

  app.get("/settings", (c) => {
    const settings: readonly ShownSetting[] = system.settings();
    const content = settingsView(settings, c.get("session"), clock());
    return show(c, "/settings", "Settings", content);
  });

  app.get("*", (c) => c.html(refusedView("No such page."), 404));
  app.onError((error, c) => {
    const back = pageBefore(c.req);
    if (error instanceof ActionError || error instanceof CatalogRefusal) {
      const status = c.req.method === "POST" ? 409 : 404;
      return c.html(refusedView(printable(error.message), back), status);
    }
    logFailedRequest(log, c.req, error);
    if (!(error instanceof UnavailableError)) return c.html(refusedView(FAILED, back), 500);
    return c.html(refusedView(`Try again later: ${printable(error.message)}.`, back), 503);
  });
  return app;
}

function asset(c: PageRequest, text: string, type: string) {
  c.header("Cache-Control", "max-age=300");
  return c.body(text, 200, { "Content-Type": `${type}; charset=utf-8` });
}

/** The page to go back to: the one with the form that was sent, or with the link to what cannot be shown. */
function pageBefore({ method, path }: { readonly method: string; readonly path: string }): string {
  const [, first, name] = path.split("/");
  switch (first) {
    case "users":
      if (name === undefined) return "/";
      return method === "POST" ? `/users/${name}` : "/users";
    case "invitations":
      return "/users";
    case "check":
      return "/storage";
    default:
      return "/";
  }
}

/** Back to the page of the user. */
function back(c: PageRequest) {
  return c.redirect(`/users/${encodeURIComponent(c.req.param("name") ?? "")}`, 303);
}
