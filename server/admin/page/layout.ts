/**
 * The frame of every page for the operator. Texts in a template are escaped, including those from peers.
 *
 * @module
 */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import denoJson from "../../../deno.json" with { type: "json" };
import type { AdminSession } from "./admin_sessions.ts";

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** The pages of the menu. */
const MENU = [
  ["/", "Overview"],
  ["/users", "Users"],
  ["/events", "Events"],
  ["/storage", "Storage"],
  ["/settings", "Settings"],
] as const;

export interface PageOptions {
  readonly title: string;
  /** The name of the server. */
  readonly server: string;
  /** The path in the menu. */
  readonly path: string;
  readonly session: AdminSession;
}

/** A whole page. */
export function page({ title, server, path, session }: PageOptions, content: Html): Html {
  return frame(
    `${title} – ${server}`,
    html`
      <a class="skip" href="#main">Skip to content</a>
      <header class="top">
        <span class="name">xfer · ${server}</span>
        <nav aria-label="Pages">
          <ul>${MENU.map(([to, name]) =>
            html`<li><a href="${to}"${
              to === path
                ? html`
                  aria-current="page"
                `
                : ""
            }>${name}</a></li>`
          )}</ul>
        </nav>
        <form class="inline" method="post"
          action="/logout">${formToken(session)}<button class="plain">Sign out</button></form>
      </header>
      <main id="main"><h1>${title}</h1>${content}</main>
      <footer>xfer ${denoJson.version}. Times are in UTC.</footer>
    `,
  );
}

/** A page without a session. */
export function frame(title: string, content: Html): Html {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title}</title>
        <link rel="stylesheet" href="/style.css">
        <link rel="icon" href="/icon.svg" type="image/svg+xml">
        <script src="/live.js" defer></script>
      </head>
      <body>${content}</body>
    </html>
  `;
}

/** A user's name, which leads to their page. */
export function userLink(name: string): Html {
  return html`<a href="/users/${encodeURIComponent(name)}">${name}</a>`;
}

/** The hidden field of every form. */
export function formToken({ formToken }: AdminSession): Html {
  return html`<input type="hidden" name="form-token" value="${formToken}">`;
}

export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b62c4"/>' +
  '<path d="M9 9l14 14M23 9L9 23" stroke="#fff" stroke-width="4" stroke-linecap="round"/></svg>';
