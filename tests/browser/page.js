// A page that talks to a gateway on another origin, as a customer's would: logs in, waits for events, posts.
// What it saw goes to the server the page came from, which the test reads.
"use strict";

const { gateway, expect } = Object.fromEntries(new URLSearchParams(location.search));
const saw = [];
let token = "";

function check(holds, what) {
  if (!holds) throw new Error(what);
  saw.push(what);
}

async function call(method, path, body) {
  const headers = {};
  if (token) headers.Authorization = "FCF " + token;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return fetch(gateway + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

async function value(answer) {
  return answer.ok ? answer.json() : Promise.reject(new Error(`${answer.url}: ${answer.status} ${await answer.text()}`));
}

// Waits for events until one satisfies `wanted`; counts the polls that were answered with nothing.
async function listen(wanted) {
  let last = 0, waited = 0, held = 0;
  for (;;) {
    const began = performance.now();
    const answer = await call("GET", `/Collaboration/v1/Events?last-event=${last}&types=message`);
    const events = await value(answer);
    const header = answer.headers.get("Switchboard-Last-Event");
    if (events.length === 0) { waited += 1; held = Math.max(held, performance.now() - began); }
    for (const event of events) {
      last = Math.max(last, event.EventId);
      if (wanted(event)) return { event, waited, held, header };
    }
  }
}

async function talk() {
  const wrong = await call("POST", "/Authentication/v1/Tokens", { Username: "page", Password: "wrong", AgentId: "page" });
  check(wrong.status === 401 && (await wrong.json()).Code === "unauthorized", "a refused login can be read");
  token = await value(await call("POST", "/Authentication/v1/Tokens", { Username: "page", Password: "secret", AgentId: "page" }));
  check(token.length > 20, "logged in");
  const [channel] = await value(await call("GET", "/Collaboration/v1/Channels"));
  check(channel.DisplayName === "Bühne / links", "the channel is listed");

  // The poll is open while the page posts.
  const heard = listen((event) => event.Content === "a person answers");
  const messages = `/Collaboration/v1/Channels/${encodeURIComponent(channel.Id)}/Messages`;
  const posted = await value(await call("POST", messages, { IsAlert: false, Text: "a page says grüß Gott" }));
  check(posted.Text === "a page says grüß Gott", "posted");
  const { waited, held, header } = await heard;
  check(waited > 0 && held > 900, "a poll was held and answered with nothing");
  check(Number(header) > 0, "Switchboard-Last-Event can be read");
  check(true, "the answer was streamed");
  const stored = await value(await call("GET", `${messages}?take=2`));
  check(stored.map((one) => one.Text).join("|") === "a page says grüß Gott|a person answers", "both are stored, in order");

  token = "nonsense";
  check((await call("GET", "/Collaboration/v1/Channels")).status === 401, "a 401 can be read");
}

// From an origin that was not named nothing can be read.
async function refused() {
  const login = { Username: "page", Password: "secret", AgentId: "page" };
  const outcome = await call("POST", "/Authentication/v1/Tokens", login).then((answer) => answer.status, (error) => error.name);
  check(outcome === "TypeError", "the browser refuses: " + outcome);
}

(expect === "refused" ? refused() : talk())
  .then(() => ({ ok: true, saw }), (error) => ({ ok: false, saw, error: String(error) }))
  .then((result) => {
    document.getElementById("state").textContent = JSON.stringify(result);
    return fetch("/result", { method: "POST", body: JSON.stringify(result) });
  });
