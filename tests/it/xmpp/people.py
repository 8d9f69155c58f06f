"""People for the tests, driven by slixmpp, which shares no line with the connector under test.

One request a line on standard input, {"id": 1, "op": "say", "who": "alice", ...}, one answer a line on standard
output, {"id": 1, "ok": ...} or {"id": 1, "error": "why"}. Requests run side by side; the order of one person's is that
of the answers waited for. Ends with its standard input.
"""

import asyncio
import base64
import json
import logging
import sys
import urllib.request
from xml.etree import ElementTree as ET

from slixmpp import ClientXMPP, Iq
from slixmpp.jid import JID
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

CLIENT = "{jabber:client}"
MUC = "http://jabber.org/protocol/muc"
STATES = "{http://jabber.org/protocol/chatstates}"
# Seconds until what must come counts as missing: only a test that fails waits that long.
PATIENCE = 60
BEST = {"chat": 4, "": 3, "away": 2, "xa": 1, "dnd": 0}


class Failed(Exception):
    """Told to the test as the answer."""


class Person:
    """One account, what it has heard and what it sees. Survives its connections."""

    def __init__(self, name):
        self.name = name
        self.client = None
        self.settings = {}
        self.rooms = {}
        self.heard = []
        self.stanzas = []
        self.states = []
        self.presences = {}
        self.changed = asyncio.Condition()
        self.online = False

    async def note(self, change):
        async with self.changed:
            change()
            self.changed.notify_all()

    async def until(self, shows, seconds, what):
        """Waits until `shows` answers something, and answers that."""

        async def wait():
            async with self.changed:
                while True:
                    found = shows()
                    if found is not None and found is not False:
                        return found
                    await self.changed.wait()

        try:
            return await asyncio.wait_for(wait(), seconds)
        except asyncio.TimeoutError:
            raise Failed(f"{self.name}: not within {seconds} s: {what}") from None

    async def connect(self, jid, password, port, certificate, seconds=PATIENCE, resource="test"):
        self.settings = dict(jid=jid, password=password, port=port, certificate=certificate, resource=resource)
        if self.client is not None:
            self.client.abort()
        self.presences.clear()
        self.online = False
        client = ClientXMPP(f"{jid}/{resource}", password)
        client.ca_certs = certificate
        client.enable_direct_tls = False
        client.auto_reconnect = False
        for plugin in ("xep_0030", "xep_0045", "xep_0199"):
            client.register_plugin(plugin)
        for kind, hear in (("message", self.hear_message), ("presence", self.hear_presence)):
            client.register_handler(Callback(f"all {kind}", MatchXPath(CLIENT + kind), hear))
        started = asyncio.get_running_loop().create_future()

        def settle(error=None):
            if not started.done():
                started.set_result(error)

        def gone(reason):
            self.online = False
            settle(f"disconnected: {reason}")

        client.add_event_handler("session_start", lambda _: settle())
        client.add_event_handler("failed_auth", lambda failure: settle(f"refused: {failure}"))
        client.add_event_handler("failed_all_auth", lambda failure: settle(f"refused: {failure}"))
        client.add_event_handler("connection_failed", lambda why: settle(f"connection failed: {why}"))
        client.add_event_handler("disconnected", gone)
        self.client = client
        client.connect("127.0.0.1", port)
        try:
            error = await asyncio.wait_for(started, seconds)
        except asyncio.TimeoutError:
            error = f"no login within {seconds} s"
        if error:
            client.abort()
            raise Failed(f"{self.name}: {error}")
        self.online = True
        await client.get_roster()
        client.send_presence()
        for room, options in list(self.rooms.items()):
            await self.join(room, **options)

    async def reconnect(self, seconds=2 * PATIENCE):
        """Tries until the server is there again, and joins the rooms again."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                return await self.connect(**self.settings)
            except Failed:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.05)

    async def disconnect(self):
        """Leaves in an orderly way."""
        if self.client is not None:
            self.online = False
            await self.client.disconnect(wait=2)

    # What comes in.

    def hear_message(self, stanza):
        xml = stanza.xml
        sender = JID(xml.get("from", ""))
        body, subject = xml.find(CLIENT + "body"), xml.find(CLIENT + "subject")
        for child in xml:
            if child.tag.startswith(STATES):
                state = {"from": sender.bare, "resource": sender.resource, "state": child.tag[len(STATES):]}
                asyncio.ensure_future(self.note(lambda state=state: self.states.append(state)))
        room = xml.get("type") == "groupchat"
        stanza_id = xml.find("{urn:xmpp:sid:0}stanza-id")
        self.note_stanza(xml, sender, room, stanza_id)
        if body is None and subject is None:
            return
        oob = xml.find("{jabber:x:oob}x/{jabber:x:oob}url")
        one = {
            "place": sender.bare,
            "resource": sender.resource,
            "type": xml.get("type", "normal"),
            "text": (body.text or "") if body is not None else None,
            "subject": subject.text if subject is not None else None,
            "id": xml.get("id"),
            "stanza_id": stanza_id.get("id") if stanza_id is not None else None,
            "own": room and self.rooms.get(sender.bare, {}).get("nick") == sender.resource,
            "late": xml.find("{urn:xmpp:delay}delay") is not None,
            "alert": xml.find("{urn:xmpp:attention:0}attention") is not None,
            "link": oob.text if oob is not None else None,
        }
        asyncio.ensure_future(self.note(lambda: self.heard.append(one)))

    def note_stanza(self, xml, sender, room, stanza_id):
        """Every message, with what it does to earlier ones."""
        marks = [
            {"name": child.tag.rpartition("}")[2], "space": child.tag[1:].partition("}")[0], "id": child.get("id") or child.get("uri"),
             "to": child.get("to"), "range": [child.get("begin"), child.get("end")], "set": [one.text for one in child if one.tag.endswith("}reaction")]}
            for child in xml
        ]
        one = {
            "place": sender.bare,
            "resource": sender.resource,
            "id": xml.get("id"),
            "stanza_id": stanza_id.get("id") if stanza_id is not None else None,
            "own": room and self.rooms.get(sender.bare, {}).get("nick") == sender.resource,
            "body": xml.findtext(CLIENT + "body"),
            "marks": marks,
        }
        asyncio.ensure_future(self.note(lambda: self.stanzas.append(one)))

    def hear_presence(self, stanza):
        xml = stanza.xml
        kind = xml.get("type", "available")
        if kind not in ("available", "unavailable", "error"):
            return
        show, status = xml.find(CLIENT + "show"), xml.find(CLIENT + "status")
        item = xml.find(f"{{{MUC}#user}}x/{{{MUC}#user}}item")
        one = {
            "type": kind,
            "show": (show.text or "") if show is not None else "",
            "status": status.text if status is not None else None,
            "jid": item.get("jid") if item is not None else None,
            "codes": [code.get("code") for code in xml.iter(f"{{{MUC}#user}}status")],
        }
        asyncio.ensure_future(self.note(lambda: self.presences.__setitem__(xml.get("from", ""), one)))

    # What they do.

    def need(self):
        if not self.online:
            raise Failed(f"{self.name} is not connected")
        return self.client

    async def settle(self):
        """Returns when the server has read all that was sent."""
        iq = self.need().make_iq_get(ito=self.client.boundjid.host)
        iq.append(ET.Element("{urn:xmpp:ping}ping"))
        await self.ask(iq, fine=True)

    async def ask(self, iq: Iq, fine=False):
        from slixmpp.exceptions import IqError, IqTimeout

        try:
            return await iq.send(timeout=PATIENCE)
        except IqError as error:
            if fine:
                return None
            raise Failed(f"{error.iq['error']['condition']}: {error.iq['error']['text']}") from None
        except IqTimeout:
            raise Failed("no answer to an iq") from None

    async def join(self, room, nick=None, password=None):
        nick = nick or self.name
        self.rooms[room] = {"nick": nick, "password": password}
        joining = asyncio.ensure_future(
            self.need().plugin["xep_0045"].join_muc_wait(JID(room), nick, password=password, maxstanzas=0, timeout=PATIENCE))
        # Not every refusal reaches slixmpp's own wait.
        refused = lambda: next((one for who, one in self.presences.items()
                                if JID(who).bare == room and one["type"] == "error"), None)
        refusal = asyncio.ensure_future(self.until(refused, PATIENCE, f"an answer to the join of {room}"))
        await asyncio.wait((joining, refusal), return_when=asyncio.FIRST_COMPLETED)
        joining.cancel(), refusal.cancel()
        if joining.cancelled() or not joining.done() or joining.exception():
            self.rooms.pop(room, None)
            self.presences = {who: one for who, one in self.presences.items() if one["type"] != "error"}
            raise Failed(f"{self.name} was not let into {room}")

    async def leave(self, room):
        options = self.rooms.pop(room)
        self.need().send_presence(pto=f"{room}/{options['nick']}", ptype="unavailable")
        await self.settle()

    async def say(self, to, text, subject=None, room=None, extra=None):
        """Says it and returns when the server has it: in a room, when it came back."""
        client = self.need()
        room = to in self.rooms if room is None else room
        message = client.make_message(mto=to, mbody=text, mtype="groupchat" if room else "chat")
        message["id"] = client.new_id()
        if subject is not None:
            message["subject"] = subject
        if extra:
            message.xml.append(ET.fromstring(extra))
        mark = message["id"]
        message.send()
        if not room:
            return await self.settle()
        await self.until(
            lambda: any(one["own"] and one["id"] == mark for one in reversed(self.heard)), PATIENCE, f"{to} has `{text}`")

    async def send(self, to, xml, body=None):
        """Sends a message with these elements; answers its id, and in a room the room's id for it."""
        client = self.need()
        room = to in self.rooms
        message = client.make_message(mto=to, mbody=body, mtype="groupchat" if room else "chat")
        message["id"] = client.new_id()
        for child in ET.fromstring(f"<all>{xml}</all>"):
            message.xml.append(child)
        mark = message["id"]
        message.send()
        if not room:
            await self.settle()
            return {"id": mark, "stanza_id": None}
        came = lambda: next((one for one in reversed(self.stanzas) if one["own"] and one["id"] == mark), None)
        one = await self.until(came, PATIENCE, f"{to} has {xml}")
        return {"id": mark, "stanza_id": one["stanza_id"]}

    async def request(self, to, xml):
        """Sends a request of type set; answers nothing, or fails with the condition."""
        iq = self.need().make_iq_set(ito=to)
        iq.append(ET.fromstring(xml))
        await self.ask(iq)

    async def show(self, show=None, status=None, type=None, to=None):
        self.need().send_presence(pshow=show, pstatus=status, ptype=type, pto=to)
        await self.settle()

    async def state(self, to, state):
        client = self.need()
        message = client.make_message(mto=to, mtype="groupchat" if to in self.rooms else "chat")
        message.xml.append(ET.Element(STATES + state))
        message.send()
        await self.settle()

    async def subscribe(self, to):
        self.need().send_presence(pto=to, ptype="subscribe")
        await self.settle()

    async def unsubscribe(self, to):
        self.need().send_presence(pto=to, ptype="unsubscribe")
        await self.settle()

    def nick_of(self, room, jid):
        """The nick under which the account of that address, or with that nick, is in the room."""
        for occupant, seen in self.presences.items():
            occupant = JID(occupant)
            if occupant.bare != room or seen["type"] != "available":
                continue
            if (seen["jid"] and JID(seen["jid"]).bare == jid) or occupant.resource == jid:
                return occupant.resource
        return None

    async def admin(self, room, **item):
        iq = self.need().make_iq_set(ito=room)
        query = ET.SubElement(iq.xml, f"{{{MUC}#admin}}query")
        reason = item.pop("reason", None)
        element = ET.SubElement(query, f"{{{MUC}#admin}}item", {k: v for k, v in item.items() if v is not None})
        if reason:
            ET.SubElement(element, f"{{{MUC}#admin}}reason").text = reason
        await self.ask(iq)

    async def kick(self, room, jid, reason=None):
        nick = await self.until(lambda: self.nick_of(room, jid), 5, f"{jid} is in {room}")
        await self.admin(room, nick=nick, role="none", reason=reason)

    async def affiliate(self, room, jid, affiliation, reason=None):
        await self.admin(room, jid=jid, affiliation=affiliation, reason=reason)

    async def configure(self, room, fields):
        iq = self.need().make_iq_set(ito=room)
        query = ET.SubElement(iq.xml, f"{{{MUC}#owner}}query")
        form = ET.SubElement(query, "{jabber:x:data}x", {"type": "submit"})
        for name, value in {"FORM_TYPE": f"{MUC}#roomconfig", **fields}.items():
            field = ET.SubElement(form, "{jabber:x:data}field", {"var": name})
            ET.SubElement(field, "{jabber:x:data}value").text = value
        await self.ask(iq)

    async def destroy(self, room, reason=None, alternate=None):
        iq = self.need().make_iq_set(ito=room)
        query = ET.SubElement(iq.xml, f"{{{MUC}#owner}}query")
        element = ET.SubElement(query, f"{{{MUC}#owner}}destroy", {"jid": alternate} if alternate else {})
        if reason:
            ET.SubElement(element, f"{{{MUC}#owner}}reason").text = reason
        self.rooms.pop(room, None)
        await self.ask(iq)

    async def set_subject(self, room, subject):
        message = self.need().make_message(mto=room, mtype="groupchat")
        message["subject"] = subject
        message.send()
        await self.until(
            lambda: any(one["place"] == room and one["subject"] == subject for one in reversed(self.heard)), PATIENCE, "subject")

    async def raw(self, xml):
        self.need().send_raw(xml)
        await self.settle()

    # What they can tell.

    def heard_in(self, place):
        return [one for one in self.heard if one["place"] == place and one["text"] is not None]

    async def tell_heard(self, place, own=False):
        return [one for one in self.heard_in(place) if (own or not one["own"]) and not one["late"]]

    async def wait_heard(self, place, text, seconds=PATIENCE):
        match = lambda: next((one for one in self.heard_in(place) if one["text"] == text and not one["own"]), None)
        return await self.until(match, seconds, f"hears `{text}` in {place}, only {[o['text'] for o in self.heard_in(place)][-5:]}")

    async def wait_mark(self, place, name, about, seconds=PATIENCE):
        """A message from there, with an element of that name that names that message."""
        has = lambda one: any(mark["name"] == name and mark["id"] == about for mark in one["marks"])
        match = lambda: next((one for one in self.stanzas if one["place"] == place and has(one)), None)
        told = lambda: [(m["name"], m["id"]) for one in self.stanzas if one["place"] == place for m in one["marks"]][-8:]
        return await self.until(match, seconds, f"{name} of {about} in {place}, only {told()}")

    def best(self, jid):
        seen = [one for who, one in self.presences.items() if JID(who).bare == jid and one["type"] == "available"]
        return max(seen, key=lambda one: BEST.get(one["show"], 0), default=None)

    async def sees(self, jid):
        return self.best(jid)

    async def wait_sees(self, jid, show=None, online=True, seconds=PATIENCE):
        def shows():
            best = self.best(jid)
            if not online:
                return best is None
            return best if best is not None and (show is None or best["show"] == show) else None

        return await self.until(shows, seconds, f"sees {jid} as {show if online else 'offline'}, not {self.best(jid)}")

    async def wait_state(self, jid, state, seconds=PATIENCE):
        """The newest chat state of that address is that one."""
        newest = lambda: next((one for one in reversed(self.states) if one["from"] == jid), None)
        shows = lambda: (newest() or {}).get("state") == state
        await self.until(shows, seconds, f"{jid} is {state}, not {newest()}")

    async def occupants(self, room):
        found = [(JID(who).resource, one["jid"]) for who, one in self.presences.items()
                 if JID(who).bare == room and one["type"] == "available"]
        return sorted(found, key=str)

    async def fetch(self, url):
        read = lambda: urllib.request.urlopen(url, timeout=PATIENCE).read()
        return base64.b64encode(await asyncio.get_running_loop().run_in_executor(None, read)).decode()


NAMES = {
    "connect", "reconnect", "disconnect", "join", "leave", "say", "show", "state", "subscribe", "unsubscribe", "kick", "affiliate",
    "configure", "destroy", "set_subject", "raw", "tell_heard", "wait_heard", "sees", "wait_sees", "wait_state", "occupants",
    "fetch", "send", "request", "wait_mark",
}


async def answer(people, request):
    number = request.pop("id")
    try:
        who, name = request.pop("who"), request.pop("op")
        if name not in NAMES:
            raise Failed(f"no such request: {name}")
        person = people.get(who) or people.setdefault(who, Person(who))
        said = {"id": number, "ok": await getattr(person, name)(**request)}
    except Failed as failure:
        said = {"id": number, "error": str(failure)}
    except Exception as failure:  # The test is to see it, whatever it is.
        said = {"id": number, "error": f"{type(failure).__name__}: {failure}"}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def main():
    people, running = {}, set()
    reader = asyncio.StreamReader(limit=1 << 24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        task = asyncio.ensure_future(answer(people, json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG if "--debug" in sys.argv else logging.CRITICAL, stream=sys.stderr)
    asyncio.run(main())
