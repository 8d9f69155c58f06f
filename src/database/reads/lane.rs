//! A bounded queue in which owners take turns.
//!
//! An owner is an agent, or one of two that stand for all others: the host, and logins. An owner
//! that queues a hundred tasks delays its own tasks, not those of others: the next task is that of
//! the owner whose turn it is, and an owner never has more than a share of the threads. A full lane
//! first drops tasks whose callers left. Then an owner with fewer tasks takes the place of the
//! newest task of the owner with most, so that a few owners cannot fill the lane.
//!
//! Rejected: one queue for all (sixteen searches of one agent delayed another agent's metadata by
//! five seconds), and priorities (under load a low one waits for ever).

use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};

/// The owner of a read: the number of an agent, or one of these.
pub(crate) type Owner = i64;
/// The host and administrators.
pub(crate) const HOST: Owner = 0;
/// Whoever is not logged in yet.
pub(crate) const LOGINS: Owner = -1;

/// Tasks of many owners.
pub(super) struct Lane<T> {
    state: Mutex<LaneState<T>>,
    arrived: Condvar,
    limits: Limits,
    /// Whether nobody waits for a task any more.
    unwanted: fn(&T) -> bool,
}

/// What a lane holds at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Tasks that wait.
    pub(super) waiting: usize,
    /// Of them, of one owner.
    pub(super) of_one: usize,
    /// Tasks of one owner that run at a time.
    pub(super) running: usize,
}

struct LaneState<T> {
    owners: HashMap<Owner, OwnerQueue<T>>,
    /// Owners with waiting tasks, each once; the first is served next.
    turns: VecDeque<Owner>,
    waiting: usize,
    closed: bool,
}

struct OwnerQueue<T> {
    tasks: VecDeque<T>,
    running: usize,
}

impl<T> Lane<T> {
    pub(super) fn new(limits: Limits, unwanted: fn(&T) -> bool) -> Lane<T> {
        let state = LaneState {
            owners: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            closed: false,
        };
        Lane {
            state: Mutex::new(state),
            arrived: Condvar::new(),
            limits,
            unwanted,
        }
    }

    /// Queues a task of `owner`, and returns the task that it displaced.
    ///
    /// # Errors
    /// Returns the task if there is no room or the lane is closed.
    pub(super) fn push(&self, owner: Owner, task: T) -> Result<Option<T>, T> {
        let mut forgotten = Vec::new();
        let answer = self.admit(owner, task, &mut forgotten);
        // After the lock is released: dropping a task may wake its caller.
        drop(forgotten);
        answer
    }

    fn admit(&self, owner: Owner, task: T, forgotten: &mut Vec<T>) -> Result<Option<T>, T> {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.closed {
            return Err(task);
        }
        if state.waiting >= self.limits.waiting || state.waiting_of(owner) >= self.limits.of_one {
            state.forget(self.unwanted, forgotten);
        }
        let own = state.waiting_of(owner);
        if own >= self.limits.of_one {
            return Err(task);
        }
        let mut displaced = None;
        if state.waiting >= self.limits.waiting {
            displaced = state.displace(own + 1);
            if displaced.is_none() {
                return Err(task);
            }
        }
        let queue = state.owners.entry(owner).or_insert_with(|| OwnerQueue {
            tasks: VecDeque::new(),
            running: 0,
        });
        if queue.tasks.is_empty() {
            state.turns.push_back(owner);
        }
        queue.tasks.push_back(task);
        state.waiting += 1;
        self.arrived.notify_one();
        Ok(displaced)
    }

    /// Waits for the next task; `None` once the lane is closed. Each task must be followed by
    /// [`Lane::done`] or [`Lane::again`].
    pub(super) fn next(&self) -> Option<(Owner, T)> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(found) = state.take(self.limits.running) {
                return Some(found);
            }
            self.arrived.wait(&mut state);
        }
    }

    /// Queues a task again that has more to do, before the owner's other tasks; returns it if the
    /// lane is closed. There is always room: the task had a place when it began, and there are no
    /// more such tasks than threads.
    pub(super) fn again(&self, owner: Owner, task: T) -> Option<T> {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.closed {
            return Some(task);
        }
        let queue = state.owners.entry(owner).or_insert_with(|| OwnerQueue {
            tasks: VecDeque::new(),
            running: 1,
        });
        queue.running -= 1;
        if queue.tasks.is_empty() {
            state.turns.push_back(owner);
        }
        queue.tasks.push_front(task);
        state.waiting += 1;
        self.arrived.notify_one();
        None
    }

    /// A task of `owner` is over.
    pub(super) fn done(&self, owner: Owner) {
        let mut state = self.state.lock();
        let Some(queue) = state.owners.get_mut(&owner) else {
            return;
        };
        queue.running -= 1;
        if queue.running == 0 && queue.tasks.is_empty() {
            state.owners.remove(&owner);
        }
        self.arrived.notify_one();
    }

    /// Ends the lane and returns what waited.
    pub(super) fn close(&self) -> Vec<T> {
        let mut state = self.state.lock();
        state.closed = true;
        self.arrived.notify_all();
        state.turns.clear();
        state.waiting = 0;
        state
            .owners
            .values_mut()
            .flat_map(|queue| queue.tasks.drain(..))
            .collect()
    }
}

impl<T> LaneState<T> {
    fn waiting_of(&self, owner: Owner) -> usize {
        self.owners.get(&owner).map_or(0, |queue| queue.tasks.len())
    }

    /// Moves what nobody waits for to `forgotten`.
    fn forget(&mut self, unwanted: fn(&T) -> bool, forgotten: &mut Vec<T>) {
        for queue in self.owners.values_mut() {
            let (gone, kept) = std::mem::take(&mut queue.tasks)
                .into_iter()
                .partition(unwanted);
            queue.tasks = kept;
            forgotten.extend::<VecDeque<T>>(gone);
        }
        self.waiting = self.owners.values().map(|queue| queue.tasks.len()).sum();
        self.tidy();
    }

    /// Removes the newest task of the owner with most tasks, if it has more than `fewer`.
    fn displace(&mut self, fewer: usize) -> Option<T> {
        let longest = self
            .owners
            .values_mut()
            .max_by_key(|queue| queue.tasks.len())?;
        if longest.tasks.len() <= fewer {
            return None;
        }
        let displaced = longest.tasks.pop_back()?;
        self.waiting -= 1;
        Some(displaced)
    }

    /// Removes owners that have no waiting tasks.
    fn tidy(&mut self) {
        self.owners
            .retain(|_, queue| queue.running > 0 || !queue.tasks.is_empty());
        let owners = &self.owners;
        self.turns.retain(|owner| {
            owners
                .get(owner)
                .is_some_and(|queue| !queue.tasks.is_empty())
        });
    }

    fn take(&mut self, running: usize) -> Option<(Owner, T)> {
        let at = self.turns.iter().position(|owner| {
            self.owners
                .get(owner)
                .is_some_and(|queue| queue.running < running)
        })?;
        let owner = self.turns.remove(at)?;
        let queue = self.owners.get_mut(&owner)?;
        let task = queue.tasks.pop_front()?;
        queue.running += 1;
        self.waiting -= 1;
        if !queue.tasks.is_empty() {
            self.turns.push_back(owner);
        }
        Some((owner, task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        waiting: 6,
        of_one: 4,
        running: 1,
    };

    #[test]
    fn owners_take_turns_whatever_they_queued_first() {
        let lane = Lane::new(
            Limits {
                running: 9,
                ..LIMITS
            },
            |_| false,
        );
        for (owner, task) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1")] {
            lane.push(owner, task).expect("room");
        }
        let order: Vec<&str> = (0..5)
            .filter_map(|_| lane.next().map(|(_, task)| task))
            .collect();
        assert_eq!(order, ["a1", "b1", "c1", "a2", "a3"]);
    }

    #[test]
    fn one_owner_has_its_share_of_the_threads_and_of_the_room() {
        let lane = Lane::new(LIMITS, |_| false);
        for task in 0..4 {
            lane.push(1, task).expect("room");
        }
        assert_eq!(lane.push(1, 4), Err(4), "of one");
        assert_eq!(lane.next(), Some((1, 0)));
        lane.push(2, 10).expect("room for others");
        assert_eq!(lane.next(), Some((2, 10)), "one runs, so the other is next");
        lane.done(1);
        assert_eq!(lane.next(), Some((1, 1)));
    }

    #[test]
    fn a_task_that_goes_on_does_so_behind_the_other_owners_and_before_its_own() {
        let lane = Lane::new(LIMITS, |_| false);
        for (owner, task) in [(1, "long"), (1, "behind"), (2, "b1"), (3, "c1")] {
            lane.push(owner, task).expect("room");
        }
        let mut order = Vec::new();
        for _ in 0..3 {
            let (owner, task) = lane.next().expect("a task");
            order.push(task);
            if task == "long" {
                assert_eq!(lane.again(owner, task), None)
            } else {
                lane.done(owner)
            }
        }
        assert_eq!(order, ["long", "b1", "c1"]);
        lane.push(4, "d1").expect("room");
        assert_eq!(
            (lane.next(), lane.next()),
            (Some((1, "long")), Some((4, "d1")))
        );
        lane.done(4);
        lane.done(1);
        assert_eq!(lane.next(), Some((1, "behind")));
        lane.close();
        assert_eq!(lane.again(1, "late"), Some("late"));
    }

    #[test]
    fn closing_gives_back_what_waited_and_ends_the_threads() {
        let lane = Lane::new(LIMITS, |_| false);
        lane.push(1, 1).expect("room");
        assert_eq!(lane.close(), [1]);
        assert_eq!(lane.next(), None);
        assert_eq!(lane.push(1, 2), Err(2));
    }

    #[test]
    fn a_full_lane_has_room_for_whoever_has_fewer_waiting() {
        let lane = Lane::new(LIMITS, |_| false);
        for (owner, task) in [(1, 10), (1, 11), (1, 12), (1, 13), (2, 20), (2, 21)] {
            assert_eq!(lane.push(owner, task), Ok(None));
        }
        assert_eq!(
            lane.push(3, 30),
            Ok(Some(13)),
            "the newest of whoever has most"
        );
        assert_eq!(lane.push(3, 31), Ok(Some(12)));
        assert_eq!(lane.push(3, 32), Err(32), "all have as many");
        let order: Vec<i32> = (0..6)
            .filter_map(|_| {
                let (owner, task) = lane.next()?;
                lane.done(owner);
                Some(task)
            })
            .collect();
        assert_eq!(order, [10, 20, 30, 11, 21, 31]);
    }

    #[test]
    fn tasks_whose_callers_left_take_no_room() {
        let lane = Lane::new(LIMITS, |task| *task < 0);
        for task in [-1, -2, -3, -4] {
            assert_eq!(lane.push(1, task), Ok(None));
        }
        assert_eq!(lane.push(1, 5), Ok(None), "though the owner had its four");
        lane.push(2, 6).expect("room");
        assert_eq!((lane.next(), lane.next()), (Some((1, 5)), Some((2, 6))));
    }
}
