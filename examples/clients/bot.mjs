#!/usr/bin/env node
// An echo bot for switchboard. Node 20 is all it needs, no packages.
//
//     GATEWAY=http://127.0.0.1:8081 BOT_AGENT=demo BOT_USERNAME=demo BOT_PASSWORD=... node bot.mjs
//
// Kill it, or the gateway, whenever you like: it answers every message, and none of them twice.
const { GATEWAY = "http://127.0.0.1:8081", BOT_READER = "echo", BOT_AGENT, BOT_USERNAME, BOT_PASSWORD } = process.env;
const LOGIN = { Username: BOT_USERNAME, Password: BOT_PASSWORD, AgentId: BOT_AGENT };
let token = "";

/** What the bot has to say; everything else is here so that you need not think of it. */
const answer = (text) => `You said: ${text}`;

/** One request: its status (0 if there was no answer), how long to wait, and what came back. */
async function send(method, path, body, headers) {
  headers = { Authorization: `FCF ${token}`, "Content-Type": "application/json", ...headers };
  const signal = AbortSignal.timeout(45_000); // longer than a poll waits (30 s), or nothing would ever come
  try {
    const reply = await fetch(GATEWAY + path, { method, headers, signal, body: body && JSON.stringify(body) });
    const result = reply.ok ? await reply.json() : await reply.text();
    return [reply.status, Number(reply.headers.get("Retry-After") ?? 0), result];
  } catch (error) { // refused, cut off, half an answer
    return [0, 0, String(error.cause ?? error)];
  }
}

/** A request, repeated until there is an answer that a repeat would not change. */
async function call(method, path, body, headers) {
  for (let attempt = 0; ; attempt++) {
    const [status, wait, result] = await send(method, path, body, headers);
    if (status === 401 && body !== LOGIN) { // the token has ended, and a new one cures it
      [, token] = await call("POST", "/Authentication/v1/Tokens", LOGIN);
    } else if ([0, 429, 500, 502, 503, 504].includes(status) || (status === 404 && attempt < 10)) {
      // Down, busy, throttled, or (404) not back in the channel yet. Never sooner than we were told, and a little
      // later each time, by chance, so that not all bots come back at once.
      console.error(method, path.split("?")[0], status, result);
      const seconds = Math.max(wait, (0.1 + Math.random() / 10) * 2 ** Math.min(attempt, 7));
      await new Promise((wake) => setTimeout(wake, seconds * 1000));
    } else if (status === 401 || (method === "GET" && ![200, 410].includes(status))) {
      throw new Error(`${status} ${result}`); // a wrong password, say: no repeat cures it
    } else return [status, result];
  }
}

let last = 0, instance = ""; // 0: after what this reader acknowledged; a bigger number acknowledges all up to it
for (;;) {
  const query = { reader: BOT_READER, "last-event": last, instance, types: "message", origin: "remote" };
  const [status, events] = await call("GET", `/Collaboration/v1/Events?${new URLSearchParams(query)}`);
  if (status === 410) [last, instance] = [0, ""]; // another journal: our number means nothing there
  else for (const event of events) {
    // An event can come twice: we may die after the post and before the acknowledgement. The key makes them one.
    const messages = `/Collaboration/v1/Channels/${encodeURIComponent(event.ChannelId)}/Messages`;
    const key = { "Idempotency-Key": encodeURIComponent(event.Token) };
    const [status, result] = await call("POST", messages, { Text: answer(event.Content) }, key);
    if (status !== 200) console.error("not answered:", status, result); // too long (413), not allowed (403)
    [last, instance] = [event.EventId, event.InstanceId];
  }
}
