//! Opening: the parts made in order, and memory brought to what the database says.
//!
//! The dates are noted before anybody can log in: a token was stored by the date of a clock that was 60 days ahead, the
//! process was killed before its first note a minute later, and each start by the right date took the row for one of
//! 60 more days. No row is left with an end beyond a whole lifetime from now either, as a file of an earlier version or
//! a lifetime that was shortened has them: bounded in memory only, such a token came back at every start. Rejected:
//! dropping those rows, which would log everybody out whenever the lifetime is shortened.

use super::Engine;
use super::assembled::{Assembled, Moved};
use crate::agents::{Calls, Desired, LinkSettings, PostBook, Posting, Registry, Surroundings};
use crate::clock::{Calendar, Clock, Timeline};
use crate::config::{Builder, EventMode};
use crate::database::{self, Budget, Durability, Opened, Reads, Writer, damaged, storage};
use crate::error::{Error, Result};
use crate::events::{Feed, Names};
use crate::filter::Patterns;
use crate::hub::{Hub, Ring, Timer};
use crate::journal::{self, Entries, Freshness, Journal, JournalSettings, Opening, Retention};
use crate::model::Who;
use crate::origin::Origins;
use crate::password::{Cost, Passwords, Recent};
use crate::publish::Publishing;
use crate::runtime::Runtime;
use crate::services::{Asks, Ground, Services, SuperUser};
use crate::store;
use crate::throttle::Throttles;
use crate::token::{Grant, Grants};
use crate::waiting::Activity;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

impl Engine {
    pub(crate) fn start(builder: Builder) -> Result<Engine> {
        let backends = builder.backends()?;
        let opened = Arc::new(database::open(database::Wanted {
            location: builder.location.clone(),
            durability: builder.durability,
            accept_loss: builder.accept_loss,
            reach: journal::reach,
        })?);
        let clock = builder.clock.clone();
        let window = i64::try_from(builder.event_window.as_millis()).unwrap_or(i64::MAX);
        let opening = read_opening(&opened, &builder, clock.wall().timestamp_millis(), window)?;
        let calendar = Arc::new(open_calendar(
            &opened,
            clock.clone(),
            builder.token_lifetime,
        )?);

        let activity = Activity::default();
        let runtime = Runtime::start(builder.worker_threads)?;
        let timer = Timer::new(clock.clone(), activity.clone());
        let hub = Hub::new(
            opening.instance.clone(),
            opening.base,
            (opening.last, opening.head),
            window,
            activity.clone(),
            timer.clone(),
        );
        let ring = Ring::new();
        let posts = Arc::new(PostBook::default());
        let publishing = Publishing::start(hub.clone(), ring.clone(), posts.clone())?;
        let (reads, mut threads) = Reads::start(opened.clone(), activity.clone())?;
        let strays = Arc::new(AtomicU64::new(0));
        let settings = JournalSettings {
            calendar: calendar.clone(),
            retention: Retention::new(builder.keep_messages, builder.keep_bytes),
            strays: strays.clone(),
            shown_max: builder.shown_max,
        };
        let journal = Journal::new(settings, &opening);
        let writer = Arc::new(Writer::start(opened.clone(), journal, publishing.clone())?);
        let entries = Entries::new(writer.clone(), activity.clone());
        let calls = Calls::new(runtime.handle().clone(), timer.clone(), activity.clone());
        let origins = Arc::new(Origins::new(opening.key));
        let posting = Posting::new(posts.clone(), calls.clone(), entries.clone());
        let surroundings = Surroundings::new(
            entries.clone(),
            calls.clone(),
            reads.clone(),
            ring.clone(),
            (posting.clone(), origins.clone()),
            LinkSettings {
                recorded_until: opening.recorded_until,
                flap_delay: builder.flap_delay,
            },
        );
        let registry = Registry::new(surroundings, hub.clone(), backends);
        let ground = Arc::new(Ground {
            entries,
            calls: calls.clone(),
            posting: posting.clone(),
            reads: reads.clone(),
            hub: hub.clone(),
            timer: timer.clone(),
            clock: clock.clone(),
            calendar,
            activity: activity.clone(),
            posts,
            origins,
            budget: Budget::default(),
        });
        let services = Arc::new(services(&builder, ground, registry)?);
        threads.extend(
            timer
                .start()
                .map_err(|error| Error::Storage(format!("cannot start the timer: {error}")))?,
        );
        let timeline: Arc<dyn Timeline> = Arc::new(Moved {
            activity: activity.clone(),
            timer: timer.clone(),
            alive: AtomicBool::new(true),
        });
        let engine = Engine(Arc::new(Assembled {
            services: services.clone(),
            writer,
            publishing,
            reads: reads.clone(),
            runtime,
            timer,
            ring,
            opened,
            activity: activity.clone(),
            strays,
            threads: Mutex::new(threads),
            _timeline: timeline.clone(),
            down: Mutex::new(false),
        }));
        load(&services, &reads, &hub, opening)?;
        clock.attach(timeline);
        calls.spawn(posting.watch());
        calls.spawn(Services::look_after(Arc::downgrade(&services)));
        Ok(engine)
    }
}

fn read_opening(opened: &Opened, builder: &Builder, now: i64, window: i64) -> Result<Opening> {
    let fresh = Freshness {
        always: builder.event_mode == EventMode::Buffered,
        after_unclean: builder.durability == Durability::Process,
    };
    let read = |connection: &Connection| {
        journal::open(connection, fresh, opened.lost(), now, window).map_err(damaged("setting"))
    };
    match opened.memory() {
        Some(memory) => read(&memory.lock()),
        None => read(&opened.write_through()?),
    }
}

/// Goes on from the dates that the database was last open at, and notes those of this start.
fn open_calendar(opened: &Opened, clock: Arc<dyn Clock>, lifetime: Duration) -> Result<Calendar> {
    let go_on = |connection: &Connection| {
        let transaction = connection.unchecked_transaction().map_err(storage)?;
        let calendar = Calendar::new(
            clock,
            journal::dates::seen(&transaction).map_err(damaged("setting"))?,
        );
        let dates = calendar.dates();
        let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        store::tokens::bound(&transaction, dates.ledger.saturating_add(lifetime))
            .map_err(damaged("token"))?;
        journal::dates::note(&transaction, dates).map_err(damaged("setting"))?;
        transaction.commit().map_err(storage)?;
        Ok(calendar)
    };
    match opened.memory() {
        Some(memory) => go_on(&memory.lock()),
        None => go_on(&opened.write()?),
    }
}

fn services(builder: &Builder, ground: Arc<Ground>, registry: Arc<Registry>) -> Result<Services> {
    let passwords = Passwords::open(Cost::STANDARD, ground.activity.clone())?;
    let super_user = SuperUser::configured(builder.super_user.as_ref(), &passwords, &ground)?;
    let feed = Arc::new(Feed {
        hub: ground.hub.clone(),
        reads: ground.reads.clone(),
        clock: ground.clock.clone(),
        activity: ground.activity.clone(),
        buffered: builder.event_mode == EventMode::Buffered,
    });
    let names = Arc::new(Names::new(ground.entries.clone(), ground.hub.clone()));
    Ok(Services {
        ground,
        registry,
        feed,
        names,
        patterns: Patterns::new(),
        grants: Grants::new(),
        passwords,
        recent: Arc::new(Mutex::new(Recent::new()?)),
        asks: Asks::default(),
        delays: Mutex::default(),
        throttles: Mutex::new(Throttles::default()),
        super_user: parking_lot::RwLock::new(super_user),
        authenticator: builder.authenticator.clone(),
        token_lifetime: builder.token_lifetime,
        post_deadline: builder.post_deadline,
        audit_age: builder.keep_audit,
        waiters_per_agent: builder.waiters_per_agent,
        stopping: AtomicBool::new(false),
    })
}

/// Brings memory to what the database says: the same code that later follows each change.
fn load(services: &Arc<Services>, reads: &Reads, hub: &Hub, opening: Opening) -> Result<()> {
    let now = services.ground.timer.now();
    // Where the clock was set back meanwhile, the date that was noted last.
    let now_ms = services.ground.calendar.ledger();
    let Opening {
        mut spans,
        window,
        floor,
        ..
    } = opening;
    reads.now(|connection| {
        let mut throttles = services.throttles.lock();
        throttles.replace(store::throttles::all(connection).map_err(damaged("throttle"))?);
        for (agent, channel, at) in
            journal::recent_posts(connection, now_ms - 60_000).map_err(damaged("message"))?
        {
            let age = Duration::from_millis(u64::try_from(now_ms.saturating_sub(at)).unwrap_or(0));
            throttles.restore(agent, &channel, age, now);
        }
        drop(throttles);
        for row in store::tokens::all_live(connection, now_ms).map_err(damaged("token"))? {
            let who = match (row.agent, row.user) {
                (Some((key, agent)), Some(user)) => Who::Agent {
                    agent,
                    key,
                    user,
                    username: row.username,
                },
                _ => Who::SuperUser(row.username),
            };
            let left = Duration::from_millis(
                u64::try_from(row.expires.saturating_sub(now_ms)).unwrap_or(0),
            );
            services
                .grants
                .insert(row.digest, Grant::new(who, now, services.now_ms(), left));
        }
        store::agents::each_desired(connection, |row| {
            hub.add_agent(
                row.key,
                row.id.clone(),
                spans.remove(&row.key).unwrap_or_default(),
            );
            services.registry.apply(Desired::from(&row), false);
            Ok(())
        })
        .map_err(damaged("agent"))?;
        hub.remember(floor, window, now_ms);
        Ok::<(), Error>(())
    })
}
