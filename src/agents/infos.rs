//! What channels are like: one slot for each conversation, filled by a join, changed by presence
//! and subject, never stored.

use crate::backend::StateChange;
use crate::model::{ChannelInfo, Place};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The information of one conversation, shared by every agent in it.
pub(crate) struct InfoSlot(RwLock<Arc<ChannelInfo>>);

impl InfoSlot {
    pub(crate) fn load(&self) -> Arc<ChannelInfo> {
        self.0.read().clone()
    }

    fn change(&self, change: impl FnOnce(&mut ChannelInfo)) {
        let mut slot = self.0.write();
        let mut info = ChannelInfo::clone(&slot);
        change(&mut info);
        *slot = Arc::new(info);
    }
}

/// All slots in use, by conversation.
#[derive(Default)]
pub(crate) struct Infos(Mutex<HashMap<Place, Weak<InfoSlot>>>);

impl Infos {
    /// Puts `info` into the slot of `place` and returns the slot.
    pub(crate) fn joined(&self, place: Place, info: ChannelInfo) -> Arc<InfoSlot> {
        let mut slots = self.0.lock();
        if let Some(slot) = slots.get(&place).and_then(Weak::upgrade) {
            drop(slots);
            *slot.0.write() = Arc::new(info);
            return slot;
        }
        if slots.len().is_power_of_two() {
            slots.retain(|_, slot| slot.strong_count() > 0);
        }
        let slot = Arc::new(InfoSlot(RwLock::new(Arc::new(info))));
        slots.insert(place, Arc::downgrade(&slot));
        slot
    }

    /// Applies a change of presence or subject to the slot of `place`, if it is in use.
    pub(crate) fn change(&self, place: &Place, change: StateChange) {
        let slot = self.0.lock().get(place).and_then(Weak::upgrade);
        let Some(slot) = slot else { return };
        match change {
            StateChange::Presence { presence, text, .. } => slot.change(|info| {
                info.presence = presence;
                info.presence_text = text;
            }),
            StateChange::Subject { subject, .. } => slot.change(|info| info.subject = subject),
            StateChange::Composing { .. } => {}
        }
    }
}
