//! An agent's stay in a channel: begun, announced, ended.

use super::entry::{Batch, NewRow};
use super::recording::Journal;
use super::{contacts, spans};
use crate::hub::Published;
use crate::model::{AgentKey, ChannelId, ConversationKey, Place};
use rusqlite::{CachedStatement, Connection};
use std::collections::HashMap;
use std::sync::atomic::Ordering;

impl Journal {
    /// An agent hears from here on: creates its conversation if needed, and begins a span unless
    /// one is open.
    pub(super) fn entered(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        place: &Place,
        open: bool,
    ) -> rusqlite::Result<Option<ConversationKey>> {
        if open {
            contacts::add(transaction, agent, &place.channel, batch.committed)?;
        }
        if !spans::is_wanted(transaction, agent, &place.channel)? {
            return Ok(None);
        }
        let conversation = match self.conversation(transaction, place)? {
            Some(key) => key,
            None => {
                let key = spans::create_conversation(transaction, place)?;
                self.remember(place, key);
                key
            }
        };
        let elsewhere = spans::close(
            transaction,
            agent,
            &place.channel,
            Some(conversation),
            self.numbers.last(),
        )?;
        batch
            .published
            .extend(elsewhere.into_iter().map(Published::Span));
        let opened = spans::open(transaction, agent, conversation, self.numbers.last())?;
        batch.published.extend(opened.map(Published::Span));
        Ok(Some(conversation))
    }

    /// An agent that has entered is in: announced, unless it was. An open contact's is not: its
    /// message says enough.
    pub(super) fn joined(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        place: &Place,
    ) -> rusqlite::Result<()> {
        if spans::announce(transaction, agent, &place.channel, true)? {
            self.channel_state(transaction, batch, agent, &place.channel, true)?;
        }
        Ok(())
    }

    /// Writes what came before the conversation did.
    pub(super) fn write_early(
        &mut self,
        transaction: &Connection,
        inserting: &mut CachedStatement<'_>,
        batch: &mut Batch,
        place: &Place,
    ) -> rusqlite::Result<()> {
        for row in self.early.of(place) {
            // The join sets the resume point; these messages came before it.
            let row = NewRow {
                resume: None,
                ..row
            };
            self.message(transaction, inserting, batch, &mut HashMap::new(), &row)?;
        }
        Ok(())
    }

    /// Announces that an agent is not in a channel, unless that was announced.
    pub(super) fn down(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        channel: &ChannelId,
    ) -> rusqlite::Result<()> {
        if spans::announce(transaction, agent, channel, false)? {
            self.channel_state(transaction, batch, agent, channel, false)?;
        }
        Ok(())
    }

    /// An agent was put out, or an open contact made room for another: the span ends.
    pub(super) fn left(
        &mut self,
        transaction: &Connection,
        batch: &mut Batch,
        agent: AgentKey,
        place: &Place,
    ) -> rusqlite::Result<()> {
        self.sweeping.ask();
        contacts::remove(transaction, agent, &place.channel)?;
        if place.agent.is_some() {
            let forgotten = self.early.forget(place);
            self.settings.strays.fetch_add(forgotten, Ordering::Relaxed);
        }
        let closed = spans::close(
            transaction,
            agent,
            &place.channel,
            None,
            self.numbers.last(),
        )?;
        batch
            .published
            .extend(closed.into_iter().map(Published::Span));
        self.down(transaction, batch, agent, &place.channel)
    }
}
