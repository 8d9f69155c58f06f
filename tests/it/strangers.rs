//! People whom nobody provisioned write to an agent: a bot whose contacts are open hears and answers
//! them, and any other agent's administrator is told that they tried.

use crate::world::{Disk, OPS, SOON, Sesame, World, lines, new_agent, seconds};
use switchboard::{
    Address, Broadcast, Change, ChannelId, Collaboration, Contacts, Error, EventQuery, JoinState,
    NewAgent, NewMessage, Subscription, Throttle, ThrottleKind,
};

fn bot(most: u32) -> NewAgent {
    new_agent("bot", &[OPS]).contacts(Contacts::Open { most })
}

/// The names of the bot's open contacts.
fn list(world: &World) -> Vec<String> {
    world.settle();
    let contacts = world.admin().open_contacts("bot").unwrap();
    contacts
        .iter()
        .map(|contact| contact.id.name().to_owned())
        .collect()
}

fn heard(world: &World, bot: &Collaboration) -> Vec<String> {
    world.seen(bot, &EventQuery::messages().remote())
}

#[test]
fn a_stranger_writes_is_answered_and_comes_back_after_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.put(bot(10));
    let mut reader = agent
        .reader("main", EventQuery::messages().remote())
        .unwrap();
    let lene = world.person("Lene");
    lene.say("contact:bot", "is anybody there?").unwrap();
    let event = reader.next_timeout(SOON).unwrap().unwrap();
    let message = event.message().unwrap();
    assert_eq!(
        (&*message.channel.to_string(), &*message.text),
        ("contact:Lene", "is anybody there?")
    );
    let answer = NewMessage::text("yes").answering(&event);
    agent.post(&message.channel, answer.clone()).unwrap();
    agent.post(&message.channel, answer).unwrap();
    assert_eq!(lene.hears("contact:bot").unwrap().text, "yes");

    world.settle();
    let shown = &world.admin().open_contacts("bot").unwrap()[0];
    assert_eq!(
        (shown.state, shown.answered),
        (JoinState::Active, Some(world.clock_now()))
    );
    let provisioned = world.admin().agent("bot").unwrap();
    assert_eq!(provisioned.contacts, Contacts::Open { most: 10 });
    assert_eq!(provisioned.channels.len(), 1, "she is not among them");
    assert_eq!(
        (
            world.status("bot").channels.len(),
            world.status("bot").open_contacts
        ),
        (1, 1)
    );
    let seen = agent.channels().unwrap();
    assert!(
        seen.iter()
            .any(|channel| channel.id.as_str() == "contact:Lene")
    );
    // Her words say that she is there; no event about her channel does.
    let lines = world.seen(&agent, &EventQuery::all());
    assert_eq!(
        lines,
        ["chat-room:ops on", "Lene: is anybody there?", "bot: yes"]
    );
    drop((reader, agent));

    let world = world.restart(&disk);
    let agent = world.engine.agent("bot").unwrap();
    agent.wait_active(SOON).unwrap();
    assert_eq!(list(&world), ["Lene"]);
    assert!(
        world.admin().open_contacts("bot").unwrap()[0]
            .answered
            .is_some()
    );
    agent
        .post("contact:Lene", NewMessage::text("still here"))
        .unwrap();
    assert_eq!(lene.hears("contact:bot").unwrap().text, "still here");
    lene.say("contact:bot", "so am I").unwrap();
    assert_eq!(
        heard(&world, &agent),
        ["Lene: is anybody there?", "Lene: so am I"]
    );
}

fn strangers(news: &mut Subscription, world: &World) -> Vec<String> {
    world.settle();
    let mut told = Vec::new();
    while let Some(item) = news.try_next() {
        if let Broadcast::Stranger { agent, channel } = &*item {
            assert_eq!(item.agents(), std::slice::from_ref(agent));
            told.push(format!("{agent} {channel}"));
        }
    }
    told
}

#[test]
fn without_open_contacts_a_try_is_told_once_an_hour_and_counted_each_time() {
    let world = World::new();
    let agent = world.agent("bot", &[OPS, "contact:ada"]);
    let mut news = world.engine.subscribe();
    let (ada, lene) = (world.person("ada"), world.person("lene"));
    for _ in 0..3 {
        lene.say("contact:bot", "hello").unwrap();
        ada.say("contact:bot", "hello").unwrap();
    }
    assert_eq!(strangers(&mut news, &world), ["bot contact:lene"]);
    assert_eq!(world.engine.stats().strangers, 3);
    assert_eq!(heard(&world, &agent), ["ada: hello"; 3]);
    for n in 0..200 {
        let name = format!("x{n}@evil.example");
        world.person(&name).say("contact:bot", "buy").unwrap();
    }
    assert_eq!(
        strangers(&mut news, &world).len(),
        64,
        "no flood of broadcasts"
    );
    assert_eq!(world.engine.stats().strangers, 203);
    world.pass(seconds(3600));
    lene.say("contact:bot", "hello?").unwrap();
    assert_eq!(strangers(&mut news, &world), ["bot contact:lene"]);
    assert!(matches!(
        agent.post("contact:lene", NewMessage::text("no")),
        Err(Error::Forbidden(_))
    ));
    assert!(list(&world).is_empty());
}

#[test]
fn a_full_list_forgets_who_is_idle_and_was_not_answered_and_locks_nobody_out() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.put(bot(3));
    let says = |name: &str, text: &str| {
        world.person(name).say("contact:bot", text).unwrap();
        world.settle();
        world.pass(seconds(1));
    };
    for name in ["ada", "bob", "cy"] {
        says(name, "1");
    }
    agent
        .post("contact:ada", NewMessage::text("hello, ada"))
        .unwrap();
    says("di", "1");
    assert_eq!(list(&world), ["ada", "cy", "di"]);
    assert!(matches!(
        agent.post("contact:bob", NewMessage::text("who?")),
        Err(Error::Forbidden(_))
    ));
    says("bob", "2");
    assert_eq!(list(&world), ["ada", "di", "bob"], "he is let in again");
    let all = ["ada: 1", "bob: 1", "cy: 1", "di: 1", "bob: 2"];
    assert_eq!(heard(&world, &agent), all);
    drop(agent);
    let world = world.restart(&disk);
    let agent = world.engine.agent("bot").unwrap();
    agent.wait_active(SOON).unwrap();
    let mut names = list(&world);
    names.sort();
    assert_eq!(names, ["ada", "bob", "di"]);
    world.person("eve").say("contact:bot", "1").unwrap();
    assert_eq!(
        list(&world),
        ["ada", "bob", "eve"],
        "who was idle is known after a restart"
    );
    assert_eq!(heard(&world, &agent)[5..], ["eve: 1"]);
}

#[test]
fn a_flood_from_one_domain_displaces_its_own_only() {
    let world = World::new();
    let agent = world.put(bot(40));
    let lene = world.person("lene@example.org");
    lene.say("contact:bot", "help").unwrap();
    world.settle();
    for n in 0..300 {
        let name = format!("x{n}@evil.example");
        world.person(&name).say("contact:bot", "buy").unwrap();
    }
    let names = list(&world);
    assert_eq!((names.len(), &*names[0]), (11, "lene@example.org"));
    let answered = agent.post("contact:lene@example.org", NewMessage::text("coming"));
    assert_eq!(answered.unwrap().text, "coming");
    assert_eq!(lene.hears("contact:bot").unwrap().text, "coming");
    assert!(world.status("bot").open_contacts <= 40);
}

#[test]
fn a_put_leaves_the_list_alone_and_switching_it_off_forgets_it() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.put(bot(10));
    for name in ["ada", "bob"] {
        world.person(name).say("contact:bot", "1").unwrap();
        // Two who come at once are joined in either order.
        world.settle();
    }
    // A client that knows nothing of open contacts puts the agent, with another list of channels.
    world.put(new_agent("bot", &["contact:zoe"]));
    assert_eq!(list(&world), ["ada", "bob"]);
    world.person("ada").say("contact:bot", "2").unwrap();
    assert_eq!(heard(&world, &agent), ["ada: 1", "bob: 1", "ada: 2"]);
    // Ada is provisioned: she is no open contact any more, and stays joined for good.
    world.put(new_agent("bot", &["contact:ada"]));
    assert_eq!(list(&world), ["bob"]);
    world.person("ada").say("contact:bot", "3").unwrap();
    let ada = EventQuery::all().channel(&ChannelId::parse("contact:ada").unwrap());
    assert_eq!(
        world.seen(&agent, &ada),
        ["ada: 1", "ada: 2", "contact:ada on", "ada: 3"]
    );

    let off = new_agent("bot", &["contact:ada"]).contacts(Contacts::Provisioned);
    world.put(off.clone());
    assert_eq!(world.admin().put_agent(off).unwrap(), Change::Unchanged);
    assert!(list(&world).is_empty());
    world.person("bob").say("contact:bot", "2").unwrap();
    let bob = EventQuery::all().channel(&ChannelId::parse("contact:bob").unwrap());
    assert_eq!(world.seen(&agent, &bob), ["bob: 1"], "what was said stays");
    assert_eq!(world.engine.stats().strangers, 1);
    drop(agent);
    let world = world.restart(&disk);
    let agent = world.put(bot(10));
    assert!(list(&world).is_empty());
    // Open again: the next message lets him in.
    world.person("bob").say("contact:bot", "3").unwrap();
    assert_eq!(list(&world), ["bob"]);
    assert_eq!(heard(&world, &agent).last().unwrap(), "bob: 3");
    // Another address is somebody else, to whom nobody wrote.
    let mut moved = bot(10);
    moved.address = Address::parse("loopback:robot").unwrap();
    world.put(moved);
    assert!(list(&world).is_empty());
}

#[test]
fn who_writes_while_the_agent_is_away_is_heard_when_it_comes_back() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = world.put(bot(10));
    let (mark, remote) = (world.mark(&agent), EventQuery::messages().remote());
    let (ada, bob) = (world.person("ada"), world.person("bob"));
    ada.say("contact:bot", "1").unwrap();
    world.settle();
    world.chat.cut("bot");
    ada.say("contact:bot", "2").unwrap();
    bob.say("contact:bot", "1").unwrap();
    bob.say("contact:bot", "2").unwrap();
    world.pass(seconds(60));
    let mut came = world.since(&agent, &mark, &remote);
    // Each person's words are in order; two conversations are caught up in either order.
    came.sort_by_key(|line| line.split(':').next().map(str::to_owned));
    assert_eq!(came, ["ada: 1", "ada: 2", "bob: 1", "bob: 2"]);
    drop(agent);
    // And while the engine is not there at all.
    let (chat, clock) = (world.chat.clone(), world.clock.clone());
    world.engine.shutdown(SOON).unwrap();
    drop(world);
    ada.say("contact:bot", "3").unwrap();
    chat.person("contact:cy").say("contact:bot", "1").unwrap();
    let engine = crate::world::open(&chat, &clock, |builder| builder.database(disk.path()));
    let agent = engine.agent("bot").unwrap();
    agent.wait_active(SOON).unwrap();
    engine.settle(SOON).unwrap();
    let events = agent.events(mark, &remote).unwrap().events;
    let mut new = lines(&events)[4..].to_vec();
    new.sort();
    assert_eq!(new, ["ada: 3", "cy: 1"]);
}

#[test]
fn a_user_answers_open_contacts_by_the_same_calls_and_throttles_hold() {
    let world = World::with(|builder| builder.authenticator(Sesame));
    world.put(bot(10));
    let lene = world.person("lene");
    lene.say("contact:bot", "hello").unwrap();
    world.settle();
    let principal = world.principal("uma", "bot");
    assert_eq!(
        list(&world),
        ["lene"],
        "the list survives the put that adds a user"
    );
    let view = world.engine.collaboration(&principal).unwrap();
    let throttle = Throttle::new("slow", ThrottleKind::MessagesPerMinute, 1)
        .and_then(|throttle| throttle.agent("bot"))
        .unwrap();
    world.admin().put_throttle(throttle).unwrap();
    let posted = view
        .post("contact:lene", NewMessage::text("hello"))
        .unwrap();
    assert_eq!(posted.text, "hello");
    assert!(matches!(
        view.post("contact:lene", NewMessage::text("hello")),
        Err(Error::Throttled { .. })
    ));
    let history = view.messages("contact:lene", 10, None).unwrap();
    assert_eq!(history.len(), 2);
    assert!(matches!(
        world.engine.provisioning(&principal),
        Err(Error::Forbidden(_))
    ));
    assert!(matches!(
        world.admin().put_agent(bot(10_001)),
        Err(Error::TooLarge { limit: 10_000, .. })
    ));
}

#[test]
fn each_agent_has_a_list_of_its_own() {
    let world = World::new();
    let open = world.put(bot(10));
    let closed = world.agent("shut", &[OPS]);
    let lene = world.person("lene");
    lene.say("contact:bot", "hello").unwrap();
    lene.say("contact:shut", "hello").unwrap();
    assert_eq!(list(&world), ["lene"]);
    assert_eq!(heard(&world, &open), ["lene: hello"]);
    assert!(heard(&world, &closed).is_empty());
    assert_eq!(world.engine.stats().strangers, 1);
    world.admin().delete_agent("bot").unwrap();
    assert!(matches!(
        world.admin().open_contacts("bot"),
        Err(Error::NotFound(_))
    ));
    // One put again under that name begins anew.
    world.put(bot(10));
    assert!(list(&world).is_empty());
}
