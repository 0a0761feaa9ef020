/**
 * The script of the overview: shows what the server sends, and says when it sends nothing.
 *
 * @module
 */

/**
 * Changes as little of the page as possible, so that the focus, a selection and scrolled tables stay. Elements with an id are
 * the same as before; others are if they are of the same kind and at the same place.
 */
export const SCRIPT = `
const keyOf = ({ nodeName, id = "" }) => nodeName + " " + id;

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function update(old, fresh) {
  const nodes = [...fresh.childNodes];
  const keys = new Set(nodes.map(keyOf));
  let at = old.firstChild;
  for (const node of nodes) {
    const isSame = () => keyOf(at) === keyOf(node);
    while (at !== null && !isSame() && (at.nodeType === Node.TEXT_NODE || !keys.has(keyOf(at)))) at = removed(at);
    if (at === null || !isSame()) {
      old.insertBefore(node, at);
      continue;
    }
    if (node.nodeType === Node.ELEMENT_NODE) {
      for (const { name } of [...at.attributes]) if (!node.hasAttribute(name)) at.removeAttribute(name);
      for (const { name, value } of node.attributes) if (at.getAttribute(name) !== value) at.setAttribute(name, value);
      update(at, node);
    } else if (at.data !== node.data) at.data = node.data;
    at = at.nextSibling;
  }
  while (at !== null) at = removed(at);
}

const live = document.getElementById("live");
if (live !== null) {
  const source = new EventSource("/live");
  const lost = document.getElementById("lost");
  const time = lost.querySelector("time");
  source.addEventListener("live", ({ data }) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = data;
    const { id } = document.activeElement ?? {};
    update(live, fresh.content);
    if (id && document.activeElement?.id !== id) document.getElementById(id)?.focus();
    lost.hidden = true;
  });
  source.addEventListener("ended", () => location.reload());
  source.addEventListener("error", () => {
    if (!lost.hidden) return;
    time.textContent = new Date().toISOString().slice(0, 19).replace("T", " ");
    lost.hidden = false;
  });
  addEventListener("pagehide", () => source.close());
  // A page that the browser has kept is no longer up to date.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}
`;
