#!/usr/bin/env python3
"""An echo bot for switchboard. Python's standard library is all it needs.

    GATEWAY=http://127.0.0.1:8081 BOT_AGENT=demo BOT_USERNAME=demo BOT_PASSWORD=... python3 bot.py

Kill it, or the gateway, whenever you like: it answers every message, and none of them twice.
"""
import json, os, random, sys, time, urllib.error, urllib.parse, urllib.request

GATEWAY = os.environ.get("GATEWAY", "http://127.0.0.1:8081")
READER = os.environ.get("BOT_READER", "echo")  # under this name the gateway remembers how far we have come
LOGIN = {"Username": os.environ["BOT_USERNAME"], "Password": os.environ["BOT_PASSWORD"], "AgentId": os.environ["BOT_AGENT"]}
token = ""

def answer(text):
    """What the bot has to say; everything else is here so that you need not think of it."""
    return "You said: " + text

def send(method, path, body=None, key=""):
    """One request: its status (0 if there was no answer), how long to wait, and what came back."""
    headers = {"Authorization": "FCF " + token, "Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    request = urllib.request.Request(GATEWAY + path, json.dumps(body).encode() if body else None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=45) as reply:  # longer than a poll waits (30 s)
            return reply.status, 0, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, int(error.headers.get("Retry-After") or 0), error.reason
    except Exception as error:  # refused, cut off, half an answer
        return 0, 0, error

def call(method, path, body=None, key=""):
    """A request, repeated until there is an answer that a repeat would not change."""
    global token
    for attempt in range(sys.maxsize):
        status, wait, result = send(method, path, body, key)
        if status == 401 and body != LOGIN:  # the token has ended, and a new one cures it
            token = call("POST", "/Authentication/v1/Tokens", LOGIN)[1]
        elif status in (0, 429, 500, 502, 503, 504) or (status == 404 and attempt < 10):
            # Down, busy, throttled, or (404) not back in the channel yet. Never sooner than we were told, and a little
            # later each time, by chance, so that not all bots come back at once.
            print(method, path.split("?")[0], status, result, file=sys.stderr)
            time.sleep(max(wait, random.uniform(0.1, 0.2) * 2 ** min(attempt, 7)))
        elif status == 401 or method == "GET" and status not in (200, 410):
            sys.exit(f"{status} {result}")  # a wrong password, say: no repeat cures it
        else:
            return status, result

last, instance = 0, ""  # 0: after what this reader acknowledged; a bigger number acknowledges all up to it
while True:
    query = {"reader": READER, "last-event": last, "instance": instance, "types": "message", "origin": "remote"}
    status, events = call("GET", "/Collaboration/v1/Events?" + urllib.parse.urlencode(query))
    if status == 410:  # the gateway began another journal: our number means nothing there
        last, instance, events = 0, "", []
    for event in events:
        # An event can come twice: we may die after the post and before the acknowledgement. The key makes them one.
        channel, key = (urllib.parse.quote(event[name], safe="") for name in ("ChannelId", "Token"))
        status, result = call("POST", f"/Collaboration/v1/Channels/{channel}/Messages", {"Text": answer(event["Content"])}, key)
        if status != 200:  # too long (413), not allowed (403): nothing to be done about this one
            print("not answered:", status, result, file=sys.stderr)
        last, instance = event["EventId"], event["InstanceId"]
