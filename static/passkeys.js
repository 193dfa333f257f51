// Asks the browser for a passkey, and sends what it says by the page's own form. Where it cannot, nothing shows.
// Ids and challenges travel as base64url, which not every browser that knows passkeys converts by itself.
const RENEW_MS = 4 * 60_000; // A challenge lives five minutes, and a page may be open for longer.
const BINARY = ["attestationObject", "authenticatorData", "clientDataJSON", "signature", "userHandle"];

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const withBytes = (each) => ({ ...each, id: bytes(each.id) });

function forBrowser(options) {
  const made = { ...options, challenge: bytes(options.challenge) };
  if (options.user) made.user = withBytes(options.user);
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (options[list]) made[list] = options[list].map(withBytes);
  }
  return made;
}

function forServer(credential) {
  const { id, rawId, type, response } = credential;
  const members = { transports: response.getTransports?.() };
  for (const name of BINARY) if (response[name]) members[name] = text(response[name]);
  return JSON.stringify({ id, rawId: text(rawId), type, response: members });
}

class Refused extends Error {}

async function begin(form, quietly) {
  const answer = await fetch(form.dataset.options, {
    method: "POST",
    body: new URLSearchParams({ csrf_token: form.elements.csrf_token.value }),
  });
  const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
  const body = isJson ? await answer.json() : {};
  if (answer.ok && isJson) return body;
  // Signed out, or a proof is needed first: the page leads there.
  if (!quietly && (!isJson || body.code === "FRESH_PROOF_REQUIRED")) location.reload();
  throw new Refused(body.sentence ?? "");
}

function words(error, { cancelled, present, unable, away }) {
  if (error instanceof Refused) return error.message;
  if (error instanceof TypeError) return away;
  return { NotAllowedError: cancelled, InvalidStateError: present }[error.name] ?? unable;
}

let waiting; // The offer where the address is typed: the browser knows one call at a time.

async function ask(form, { quietly = false } = {}) {
  waiting?.abort();
  const control = new AbortController();
  if (quietly) waiting = control;
  try {
    const { state, options } = await begin(form, quietly);
    if (control.signal.aborted) return;
    const call = { publicKey: forBrowser(options), signal: control.signal };
    if (quietly) call.mediation = "conditional";
    const credential = await navigator.credentials[form.dataset.passkey](call);
    form.elements.state.value = state;
    form.elements.credential.value = forServer(credential);
    const keep = document.querySelector("#keep");
    if (keep?.checked) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "keep", value: "y" }));
    form.submit();
  } catch (error) {
    if (quietly || error.name === "AbortError") return;
    form.querySelector("[role=alert]").textContent = words(error, form.dataset);
  }
}

async function offer(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  ask(form, { quietly: true });
  setInterval(() => document.visibilityState === "visible" && ask(form, { quietly: true }), RENEW_MS);
}

if (window.PublicKeyCredential && navigator.credentials) {
  document.querySelector("[data-passkey-missing]")?.remove();
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.querySelector("[role=alert]").textContent = "";
      ask(form);
    });
    if ("fillsIn" in form.dataset) offer(form);
  }
}
