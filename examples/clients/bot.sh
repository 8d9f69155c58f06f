#!/usr/bin/env bash
# An echo bot for switchboard. bash, curl, sed and grep are all it needs.
#
#     GATEWAY=http://127.0.0.1:8081 BOT_AGENT=demo BOT_USERNAME=demo BOT_PASSWORD=... bash bot.sh
#
# Kill it, or the gateway, whenever you like: it answers every message, and none of them twice.
export LC_ALL=C # so that a character is a byte
gateway=${GATEWAY:-http://127.0.0.1:8081} token=
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT

# What the bot has to say. Texts keep JSON's escapes all the way, so that nothing has to be taken apart.
answer() { printf 'You said: %s' "$1"; }

# The first (or with `tail` the last) member $2 in the JSON object $1: a text without its quotes, or a number. Within a
# text every quote has a backslash before it, so that what is found is a member and not what somebody wrote.
member() { grep -oE "[{,]\"$2\":(\"([^\"\\\\]|\\\\.)*\"|[0-9]+)" <<<"$1" | sed -E 's/^[^:]*:"?//; s/"$//' | "${3:-head}" -n1; }
escaped() { sed 's/[\\"]/\\&/g' <<<"$1"; }
encoded() { # percent-encodes a member, for a path or a header
  local text byte at out=; text=$(sed -E 's/\\(.)/\1/g' <<<"$1")
  for ((at = 0; at < ${#text}; at++)); do
    byte=${text:at:1}
    [[ $byte == [A-Za-z0-9._~-] ]] || printf -v byte '%%%02X' "$(($(printf %d "'$byte") & 255))"
    out+=$byte
  done
  printf %s "$out"
}

call() { # METHOD PATH [BODY [HEADER]]: repeated until $status and $result are what a repeat would not change
  local attempt wait
  for ((attempt = 0; ; attempt++)); do # 45 s: longer than a poll waits (30 s), or nothing would ever come
    status=$(curl -s -X "$1" -m 45 -o "$folder/body" -D "$folder/head" -w '%{http_code}' ${3:+-d "$3"} ${4:+-H "$4"} \
      -H 'Content-Type: application/json' -H "Authorization: FCF $token" "$gateway$2") || status=000
    result=$(<"$folder/body")
    if [[ $status == 401 && $2 != */Tokens ]]; then log_in; continue; fi # the token has ended; a new one cures it
    if [[ ! $status =~ ^(000|429|500|502|503|504)$ && ($status != 404 || $attempt -ge 10) ]]; then return; fi
    # Down, busy, throttled, or (404) not back in the channel yet. Never sooner than we were told, and a little later
    # each time, by chance, so that not all bots come back at once.
    echo "$1 ${2%%\?*} $status $result" >&2
    wait=$(sed -nE 's/^retry-after: *([0-9]+).*/\1/Ip' "$folder/head")
    sleep "$((wait + (attempt > 20 ? 10 : attempt / 2))).$((RANDOM % 9 + 1))"
  done
}
must() { call "$@"; [[ $status =~ ^(200|410)$ ]] || { echo "$status $result" >&2; exit 1; }; } # no repeat cures it
log_in() {
  must POST /Authentication/v1/Tokens "{\"Username\":\"$(escaped "$BOT_USERNAME")\",
    \"Password\":\"$(escaped "$BOT_PASSWORD")\",\"AgentId\":\"$(escaped "$BOT_AGENT")\"}" && token=${result//\"/}
}

mine="reader=${BOT_READER:-echo}&types=message&origin=remote" # under the reader's name the gateway remembers how far we are
last=0 instance= # 0: after what this reader acknowledged; a bigger number acknowledges all up to it
while must GET "/Collaboration/v1/Events?$mine&last-event=$last&instance=$instance"; do
  if [[ $status == 410 ]]; then last=0 instance= result=; fi # another journal: our number means nothing there
  while read -r event; do
    # An event can come twice: we may die after the post and before the acknowledgement. The key makes them one.
    call POST "/Collaboration/v1/Channels/$(encoded "$(member "$event" ChannelId)")/Messages" \
      "{\"Text\":\"$(answer "$(member "$event" Content)")\"}" "Idempotency-Key: $(encoded "$(member "$event" Token tail)")"
    [[ $status == 200 ]] || echo "not answered: $status $result" >&2 # too long (413), not allowed (403)
    last=$(member "$event" EventId) instance=$(member "$event" InstanceId)
  done < <(sed 's/{"__type":"MessageEvent/\n&/g' <<<"$result" | grep '^{"__type":"MessageEvent') # one a line
done
