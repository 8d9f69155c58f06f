//! A bare ring with cursors and one list of wakers: the fastest of the ways that were tried.

use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

const ITEMS: usize = 4096;
const AT_ONCE: usize = 64;

struct Items<T> {
    head: u64,
    items: VecDeque<T>,
}

/// The ring.
pub struct RawRing<T> {
    items: RwLock<Items<T>>,
    wakers: Mutex<Vec<Waker>>,
    asleep: AtomicBool,
}

impl<T: Clone> RawRing<T> {
    pub fn new() -> RawRing<T> {
        RawRing {
            items: RwLock::new(Items {
                head: 0,
                items: VecDeque::new(),
            }),
            wakers: Mutex::default(),
            asleep: AtomicBool::new(false),
        }
    }

    pub fn publish(&self, item: T) {
        let mut items = self.items.write();
        if items.items.len() == ITEMS {
            items.items.pop_front();
        }
        items.items.push_back(item);
        items.head += 1;
        drop(items);
        if self.asleep.swap(false, Ordering::AcqRel) {
            let wakers = std::mem::take(&mut *self.wakers.lock());
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Puts up to 64 items from `cursor` on into `into`; waits if there are none.
    pub async fn read(&self, cursor: &mut u64, into: &mut VecDeque<T>) {
        poll_fn(|cx| {
            if self.take(cursor, into) {
                return Poll::Ready(());
            }
            self.wakers.lock().push(cx.waker().clone());
            self.asleep.store(true, Ordering::Release);
            if self.take(cursor, into) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn take(&self, cursor: &mut u64, into: &mut VecDeque<T>) -> bool {
        let items = self.items.read();
        let oldest = items.head - items.items.len() as u64;
        let from = (*cursor)
            .checked_sub(oldest)
            .expect("the publisher waits for the slowest") as usize;
        let before = into.len();
        into.extend(items.items.range(from..).take(AT_ONCE).cloned());
        *cursor += (into.len() - before) as u64;
        into.len() > before
    }
}
