// The whole journey of an account, by the client that openapi-typescript and openapi-fetch make of the document.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

const server = process.argv[2]!;
const email = process.argv[3]!;
const client = createClient<paths>({ baseUrl: server });
type Answer<T> = { data?: T; error?: unknown; response: Response };

function told<T>(answer: Answer<T>): NonNullable<T> {
  if (answer.data === undefined || answer.data === null) {
    throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}

function expect(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
  }
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

async function mailedToken(): Promise<string> {
  for (let tries = 0; tries < 300; tries++) {
    const mails: { to: string; links: string[] }[] = await (await fetch(`${server}/dev/mailbox.json`)).json();
    const links = mails.filter((mail) => mail.to.includes(email)).flatMap((mail) => mail.links);
    const link = links.find((link) => link.includes("/reset-password?token="));
    if (link) return new URL(link).searchParams.get("token")!;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("no mail with a link");
}

const registered = told(
  await client.POST("/api/v1/auth/register", {
    body: { email, password: "seven quiet herons", first_name: "Alice", last_name: "Archer" },
  }),
);
if (!("access_token" in registered)) throw new Error("not signed in");

const changed = told(
  await client.PATCH("/api/v1/auth/me", { ...bearer(registered.access_token), body: { last_name: "Adams" } }),
);
const me = told(await client.GET("/api/v1/auth/me", bearer(registered.access_token)));
expect(me, changed);
expect([me.user.first_name, me.user.last_name], ["Alice", "Adams"]);

const login = told(await client.POST("/api/v1/auth/login", { body: { email, password: "seven quiet herons" } }));
const refreshed = told(await client.POST("/api/v1/auth/refresh", { body: { refresh_token: login.refresh_token } }));
const listed = told(await client.GET("/api/v1/auth/sessions", bearer(refreshed.access_token)));
expect(listed.sessions.map((session) => session.current).sort(), [false, true]);
const other = listed.sessions.find((session) => !session.current)!;
const ended = await client.DELETE("/api/v1/auth/sessions/{session_id}", {
  ...bearer(refreshed.access_token),
  params: { path: { session_id: other.id } },
});
expect(ended.response.status, 204);

expect(told(await client.POST("/api/v1/auth/forgot-password", { body: { email } })).email, email);
const passwords = { new_password: "eleven loud magpies", confirm_password: "eleven loud magpies" };
told(await client.POST("/api/v1/auth/reset-password", { ...bearer(await mailedToken()), body: passwords }));
const refused = await client.GET("/api/v1/auth/me", bearer(refreshed.access_token));
expect(refused.error?.code, "UNAUTHENTICATED");

const again = told(await client.POST("/api/v1/auth/login", { body: { email, password: "eleven loud magpies" } }));
const renewed = told(
  await client.POST("/api/v1/auth/change-password", {
    ...bearer(again.access_token),
    body: {
      current_password: "eleven loud magpies",
      new_password: "nine violet anvils",
      confirm_password: "nine violet anvils",
    },
  }),
);
const events: components["schemas"]["SecurityEvents"] = told(
  await client.GET("/api/v1/auth/events", { ...bearer(renewed.access_token), params: { query: { limit: 1 } } }),
);
expect(events.events.map((event) => event.kind), ["password.changed"]);

expect((await client.POST("/api/v1/auth/logout", bearer(renewed.access_token))).response.status, 204);
const over = await client.GET("/api/v1/auth/me", bearer(renewed.access_token));
expect([over.response.status, over.error?.code], [401, "UNAUTHENTICATED"]);
