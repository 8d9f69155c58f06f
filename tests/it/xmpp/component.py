"""A component on slixmpp: what the benchmark compares with, and who speaks to it.

component.py join DOMAIN SECRET PORT ROOMS AGENTS PER_ROOM POSTS   the same work as the engine under measurement:
    joins AGENTS, PER_ROOM to a room, posts POSTS messages through them, and says how long each took, as JSON lines
component.py speak DOMAIN SECRET PORT ROOMS COUNT                  joins COUNT rooms of the benchmark as one occupant
    each, says {"ready": COUNT}, and for each line N on standard input says N messages, one room after the other
"""

import asyncio
import json
import resource
import sys
import time

from slixmpp import ComponentXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from xml.etree import ElementTree as ET

MUC = "http://jabber.org/protocol/muc"


def tell(**what):
    print(json.dumps(what), flush=True)


class Many(ComponentXMPP):
    """Counts what comes in."""

    def __init__(self, domain, secret, port):
        super().__init__(domain, secret, "127.0.0.1", port)
        self.joined, self.presences, self.copies = 0, 0, 0
        self.wake = asyncio.Event()
        accept = "{jabber:component:accept}"
        self.register_handler(Callback("presences", MatchXPath(accept + "presence"), self.hear_presence))
        self.register_handler(Callback("messages", MatchXPath(accept + "message"), self.hear_message))
        self.body = accept + "body"

    def hear_presence(self, stanza):
        self.presences += 1
        if any(status.get("code") == "110" for status in stanza.xml.iter(f"{{{MUC}#user}}status")):
            self.joined += 1
            self.wake.set()

    def hear_message(self, stanza):
        if stanza.xml.find(self.body) is not None:
            self.copies += 1
            self.wake.set()

    def join(self, agent, room, nick):
        presence = self.make_presence(pfrom=f"{agent}@{self.boundjid.host}/s", pto=f"{room}/{nick}")
        x = ET.SubElement(presence.xml, f"{{{MUC}}}x")
        ET.SubElement(x, f"{{{MUC}}}history", {"maxstanzas": "0"})
        presence.send()

    def say(self, agent, room, text):
        self.make_message(mfrom=f"{agent}@{self.boundjid.host}/s", mto=room, mbody=text, mtype="groupchat").send()

    async def keep(self, agent, room):
        """Makes the room one that survives a server that is killed."""
        iq = self.make_iq_set(ito=room, ifrom=f"{agent}@{self.boundjid.host}/s")
        query = ET.SubElement(iq.xml, f"{{{MUC}#owner}}query")
        form = ET.SubElement(query, "{jabber:x:data}x", {"type": "submit"})
        for name, value in {"FORM_TYPE": f"{MUC}#roomconfig", "muc#roomconfig_persistentroom": "1"}.items():
            field = ET.SubElement(form, "{jabber:x:data}field", {"var": name})
            ET.SubElement(field, "{jabber:x:data}value").text = value
        await iq.send(timeout=30)

    async def until(self, reached, seconds=600):
        deadline = time.monotonic() + seconds
        while not reached():
            self.wake.clear()
            await asyncio.wait_for(self.wake.wait(), max(0.1, deadline - time.monotonic()))


async def connected(domain, secret, port):
    component = Many(domain, secret, int(port))
    started = asyncio.get_running_loop().create_future()
    component.add_event_handler("session_start", lambda _: started.done() or started.set_result(None))
    component.connect("127.0.0.1", int(port))
    await asyncio.wait_for(started, 20)
    return component


async def join(domain, secret, port, rooms, agents, per_room, posts):
    agents, per_room, posts = int(agents), int(per_room), int(posts)
    component = await connected(domain, secret, port)
    room = lambda n: f"slix{n // per_room}@{rooms}"
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for n in range(agents):
        component.join(f"a{n}", room(n), f"a{n}")
        if n % 20 == 0:
            await asyncio.sleep(0)
    await component.until(lambda: component.joined >= agents)
    used = resource.getrusage(resource.RUSAGE_SELF)
    tell(joined=time.monotonic() - began, presences=component.presences, bytes=(used.ru_maxrss - before) * 1024 // agents,
         cpu=used.ru_utime + used.ru_stime)
    began = time.monotonic()
    for n in range(posts):
        component.say(f"a{n % agents}", room(n % agents), f"post {n}")
        if n % 20 == 0:
            await asyncio.sleep(0)
    await component.until(lambda: component.copies >= posts * per_room)
    after = resource.getrusage(resource.RUSAGE_SELF)
    tell(posted=time.monotonic() - began, copies=component.copies,
         cpu=after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime)


async def speak(domain, secret, port, rooms, count):
    count = int(count)
    component = await connected(domain, secret, port)
    for n in range(count):
        component.join("speaker", f"bench{n}@{rooms}", "speaker")
    await component.until(lambda: component.joined >= count)
    for n in range(count):
        await component.keep("speaker", f"bench{n}@{rooms}")
    tell(ready=count)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    said = 0
    while line := await reader.readline():
        for _ in range(int(line)):
            component.say("speaker", f"bench{said % count}@{rooms}", f"said {said}")
            said += 1
            if said % 20 == 0:
                await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run({"join": join, "speak": speak}[sys.argv[1]](*sys.argv[2:]))
