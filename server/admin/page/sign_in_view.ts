/**
 * The pages without a session: the sign-in, and refusals.
 *
 * @module
 */
import { html } from "hono/html";
import { frame, type Html } from "./layout.ts";

/** `token`: that of a link, or an empty text. */
export function signInView(token: string): Html {
  return frame(
    "Sign in – xfer",
    html`<main class="card" id="main"><h1>xfer</h1>${
      token === ""
        ? html`
          <p>To sign in, run this on the server’s machine, and open the link that it prints:</p>
          <pre>xfer server admin-link</pre>
        `
        : html`
          <p>The link works once. The session ends after an hour without use.</p>
          <form method="post" action="/login"><input type="hidden" name="token" value="${token}">
                    <button autofocus>Sign in</button></form>
        `
    }</main>`,
  );
}

/** `back`: the path of the page to go back to. */
export function refusedView(reason: string, back = "/"): Html {
  return frame(
    "Refused – xfer",
    html`
      <main class="card note bad" id="main">
        <h1>Refused</h1>
        <p>${reason}</p>
        <p><a href="${back}">Back</a></p>
      </main>
    `,
  );
}
