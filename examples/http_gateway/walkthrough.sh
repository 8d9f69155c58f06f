#!/usr/bin/env bash
# Plays the walkthrough of the vendor's guide against a gateway of its own, with curl, and checks
# every status and every body. It is played twice, once with V1 in the paths and once with v1.
#
#   cargo build --example http_gateway && examples/http_gateway/walkthrough.sh
#
# With WALKTHROUGH_CONFIG=FILE the gateway is started with that file, whose directory must know the three accounts, and
# users are created without a password, as the vendor's own tools do.
#
# The reference's text is damaged in places; what is played is its repaired reading: users are put before agents name
# them, lists are lists, ids keep their hyphens, backslashes in JSON are written twice.
set -euo pipefail

cd "$(dirname "$0")/../.."
if [[ -z ${GATEWAY_BIN:-} ]]; then
    target=${CARGO_TARGET_DIR:-target}
    for candidate in "$target"/release/examples/http_gateway "$target"/debug/examples/http_gateway; do
        if [[ -x $candidate && ( -z ${GATEWAY_BIN:-} || $candidate -nt $GATEWAY_BIN ) ]]; then GATEWAY_BIN=$candidate; fi
    done
fi
[[ -n ${GATEWAY_BIN:-} ]] || { echo "build it first: cargo build --example http_gateway" >&2; exit 2; }

# What a user is created with.
password=',"Password":"Password1"'
[[ -z ${WALKTHROUGH_CONFIG:-} ]] || password=
ROOM=chat-room:f9a694eb-3cae-4235-bcb6-b8aeefb83284
scratch=$(mktemp -d)
gateway=
stop() {
    if [[ -n $gateway ]]; then kill "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; gateway=; fi
    rm -rf "$scratch"
}
trap stop EXIT

fail() {
    echo "DIFFERENT: $*" >&2
    [[ -s $scratch/log ]] && tail -n 5 "$scratch/log" >&2
    exit 1
}

start() {
    local super=(env SWITCHBOARD_SUPER_PASSWORD=Password1) config=()
    if [[ -n ${WALKTHROUGH_CONFIG:-} ]]; then super=(env) config=(--config "$WALKTHROUGH_CONFIG"); fi
    "${super[@]}" "$GATEWAY_BIN" "${config[@]}" --listen 127.0.0.1:0 --database :memory: \
        --super-user 'domain\mindlinksuperuser' --room f9a694eb-3cae-4235-bcb6-b8aeefb83284=TestChatRoom \
        --poll-timeout 2 >"$scratch/out" 2>"$scratch/log" &
    gateway=$!
    for _ in $(seq 100); do
        base=$(sed -n 's/^listening on //p' "$scratch/out")
        [[ -n $base ]] && return
        kill -0 "$gateway" 2>/dev/null || fail "the gateway did not start"
        sleep 0.1
    done
    fail "the gateway did not say where it listens"
}

# call METHOD PATH [BODY]: leaves $status and $body. The token, if there is one, is in $token.
call() {
    local arguments=(-sS --max-time 20 -o "$scratch/body" -w '%{http_code}' -X "$1" -H 'Content-Type: application/json')
    [[ -n $token ]] && arguments+=(-H "Authorization: FCF $token")
    [[ $# -ge 3 ]] && arguments+=(--data-binary "$3")
    : >"$scratch/body"
    status=$(curl "${arguments[@]}" "$base$2") || fail "$1 $2: no answer"
    body=$(cat "$scratch/body")
}

# expect STATUS BODY METHOD PATH [PAYLOAD]: calls, and compares exactly.
expect() {
    local wanted_status=$1 wanted_body=$2
    shift 2
    call "$@"
    [[ $status == "$wanted_status" ]] || fail "$1 $2: status $status, expected $wanted_status; body: $body"
    [[ $body == "$wanted_body" ]] || fail "$1 $2: body"$'\n'"  $body"$'\n'"expected"$'\n'"  $wanted_body"
    echo "  $1 $2 -> $status"
}

# matches STATUS PATTERN METHOD PATH [PAYLOAD]: calls, and compares the whole body with a regular expression.
matches() {
    local wanted_status=$1 pattern=$2
    shift 2
    call "$@"
    [[ $status == "$wanted_status" ]] || fail "$1 $2: status $status, expected $wanted_status; body: $body"
    [[ $body =~ ^$pattern$ ]] || fail "$1 $2: body"$'\n'"  $body"$'\n'"does not match"$'\n'"  $pattern"
    echo "  $1 $2 -> $status"
}

# becomes BODY PATH: asks until the body is this, for at most ten seconds: signing in and joining take a moment.
becomes() {
    for _ in $(seq 100); do
        call GET "$2"
        if [[ $status == 200 && $body == "$1" ]]; then echo "  GET $2 -> 200"; return; fi
        sleep 0.1
    done
    fail "GET $2: status $status, body"$'\n'"  $body"$'\n'"expected"$'\n'"  $1"
}

# log_in USERNAME AGENT: leaves the new token in $token, and checks its details.
log_in() {
    token=
    matches 200 '"[A-Za-z0-9_-]+"' POST "/Authentication/$v/Tokens" \
        "{\"Username\":\"domain\\\\$1\",\"Password\":\"Password1\",\"AgentId\":\"$2\"}"
    token=${body//\"/}
    local now details
    now=$(date +%s)
    matches 200 "\\{\"AgentId\":\"$2\",\"ExpiresTimestamp\":[0-9]{13},\"Username\":\"domain\\\\\\\\$1\"\\}" \
        GET "/Authentication/$v/Tokens/$token"
    details=${body#*\"ExpiresTimestamp\":}
    details=$((${details%%,*} / 1000 - now))
    (( details > 3500 && details <= 3601 )) || fail "the token ends in $details s, not in an hour"
}

# agent CAN_PROVISION CHANNELS ID MODE ADDRESS USER: an agent as it is answered when it is signed in.
agent() {
    printf '{"CanProvision":%s,"Channels":%s,"Id":"%s","ManagementMode":1,"MetaData":[],"ProvisioningMode":%s,"State":2,"UserName":"%s","Users":["%s"]}' "$@"
}

play() {
    v=$1
    token=
    echo "== paths with $v"
    start

    echo "10.3.1 a token for the super user"
    log_in mindlinksuperuser ""
    super=$token

    echo "10.3.2 the admin user"
    expect 200 '' PUT "/Provisioning/$v/Users/admin1" "{\"UserId\":\"admin1\",\"Username\":\"domain\\\\mindlinkadmin1\"$password}"
    expect 200 '{"UserId":"admin1","UserName":"domain\\mindlinkadmin1","Username":"domain\\mindlinkadmin1"}' GET "/Provisioning/$v/Users/admin1"

    echo "10.3.3 the admin slave agent"
    expect 200 '[]' GET "/Provisioning/$v/Agents"
    matches 404 '\{"Code":"not_found","Message":"[^"]+","RequestId":"[^"]+"\}' GET "/Provisioning/$v/Agents/slaveagent"
    expect 200 '' PUT "/Provisioning/$v/Agents/slaveagent" \
        '{"Id":"slaveagent","UserName":"sip:mindlinkslave@domain.com","Channels":[],"MetaData":[],"Users":["admin1"],"CanProvision":"true"}'
    slave=$(agent true '[]' slaveagent 2 sip:mindlinkslave@domain.com admin1)
    becomes "$slave" "/Provisioning/$v/Agents/slaveagent"
    expect 200 "[$slave]" GET "/Provisioning/$v/Agents"

    echo "10.3.4 in again as the admin"
    log_in mindlinkadmin1 slaveagent
    admin=$token

    echo "10.3.5 the application user"
    expect 200 '' PUT "/Provisioning/$v/Users/user1" "{\"UserId\":\"user1\",\"Username\":\"domain\\\\mindlinkuser1\"$password}"
    expect 200 '[{"UserId":"admin1","UserName":"domain\\mindlinkadmin1","Username":"domain\\mindlinkadmin1"},{"UserId":"user1","UserName":"domain\\mindlinkuser1","Username":"domain\\mindlinkuser1"}]' \
        GET "/Provisioning/$v/Users"

    echo "10.3.6 the application agent"
    matches 404 '.*"not_found".*' GET "/Provisioning/$v/Agents/agent1"
    expect 200 '' PUT "/Provisioning/$v/Agents/agent1" \
        '{"Id":"agent1","UserName":"sip:agent1@domain.com","Channels":[],"MetaData":[],"Users":["user1"],"CanProvision":"false"}'
    becomes "$(agent false '[]' agent1 1 sip:agent1@domain.com user1)" "/Provisioning/$v/Agents/agent1"

    echo "10.3.7 the id of the chat room"
    expect 200 "[{\"Key\":\"$ROOM\",\"Value\":\"TestChatRoom\"}]" GET "/Provisioning/$v/Channels?query=TestChatRoom"

    echo "10.3.8 the chat room for the application agent"
    expect 200 '' PUT "/Provisioning/$v/Agents/agent1/Channels/$ROOM"
    becomes "$(agent false "[{\"Id\":\"$ROOM\",\"State\":2}]" agent1 1 sip:agent1@domain.com user1)" "/Provisioning/$v/Agents/agent1"
    expect 304 '' PUT "/Provisioning/$v/Agents/agent1/Channels/$ROOM"

    echo "10.4.1 a token for the agent"
    log_in mindlinkuser1 agent1
    user=$token

    echo "10.4.2 the agent's channels"
    expect 200 "[{\"CanAcceptFiles\":true,\"Classification\":null,\"Description\":null,\"DisplayName\":\"TestChatRoom\",\"EmailAddress\":null,\"Id\":\"$ROOM\",\"IsReadOnly\":false,\"MaxMessageLength\":500,\"MaxStoryLength\":4000,\"Metadata\":null,\"SecurityContexts\":null,\"Subject\":null}]" \
        GET "/Collaboration/$v/Channels"

    echo "10.4.3 a message to the channel"
    part='\[\{"__type":"PlainTextMessagePart:http://schemas\.fcg\.im/foundation/v1/collaboration","Text":"hello"\}\]'
    message="\\{\"ChannelId\":\"$ROOM\",\"Classification\":null,\"Id\":\"([^\"]+)\",\"IsAlert\":false,\"MessageParts\":$part,\"SecurityContexts\":null,\"SenderAlias\":[^,]+,\"SenderId\":\"sip:agent1@domain\\.com\",\"Subject\":null,\"Text\":\"hello\",\"Timestamp\":[0-9]{13},\"Token\":\"([^\"]+)\"\\}"
    matches 200 "$message" POST "/Collaboration/$v/Channels/$ROOM/Messages" '{"IsAlert":false,"Text":"hello"}'
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]] || fail "the message's Token is not its Id"
    posted=$body

    echo "10.4.4 the message was sent"
    expect 200 "[$posted]" GET "/Collaboration/$v/Channels/$ROOM/Messages?take=1"
    matches 200 "\\[.*\"Content\":\"hello\".*\\]" GET "/Collaboration/$v/Events?last-event=0&types=message"

    echo "what must not work does not"
    token=$user
    matches 403 '.*"forbidden".*' GET "/Provisioning/$v/Agents"
    token=$super
    matches 400 '.*"invalid".*' GET "/Collaboration/$v/Channels"
    matches 400 '.*"invalid".*' GET "/Provisioning/$v/Channels?query=TestChatRoom"
    token=
    matches 401 '.*"unauthorized".*' GET "/Collaboration/$v/Channels"
    matches 401 '.*"unauthorized".*' POST "/Authentication/$v/Tokens" \
        '{"Username":"domain\\mindlinkuser1","Password":"Password2","AgentId":"agent1"}'
    matches 400 '.*twice.*' POST "/Authentication/$v/Tokens" '{"Username":"domain\mindlinksuperuser","Password":"Password1","AgentId":""}'
    matches 400 '.*"invalid".*' GET "/Authentication/$v/Tokens/nonsense"

    echo "the gateway stops when told"
    kill -TERM "$gateway"
    code=0
    wait "$gateway" || code=$?
    gateway=
    (( code == 0 )) || fail "the gateway ended with status $code"
    for secret in Password1 "$super" "$admin" "$user"; do
        ! grep -qF -- "$secret" "$scratch/log" || fail "a secret is in the log"
    done
}

play V1
play v1
echo "the walkthrough passes"
