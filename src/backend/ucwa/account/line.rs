//! The posts of one channel: one after the other, in the order in which they were called for.
//!
//! A post is under way until the server has it or has refused it; the next one leaves then, and
//! does not wait for the report of the delivery. A post that nobody waits for any more is taken out
//! of the line and not sent. If it stayed, it would be sent after its caller was told that nobody
//! knows, beside a repeat of it.

use super::post::{Done, Post};
use super::turn::Turn;
use crate::backend::{Accepted, BackendError, BackendErrorKind, Outgoing};
use chrono::TimeDelta;
use std::collections::VecDeque;
use std::time::Duration;

/// Posts that wait in one line at most.
const LENGTH_MAX: usize = 100;
/// How long a post may wait for those before it.
const WAIT_MAX: TimeDelta = TimeDelta::seconds(35);

/// The posts of one channel.
#[derive(Default)]
pub(crate) struct Line {
    posts: VecDeque<Post>,
    /// The number of the post that is under way.
    under_way: Option<u64>,
    /// That post, while it waits until it can be sent.
    held: Option<Post>,
}

impl Line {
    /// Puts a post at the end of the line, or answers that the line is full.
    pub(crate) fn add(&mut self, turn: &mut Turn<'_>, message: Outgoing, done: Done<Accepted>) {
        if self.posts.len() >= LENGTH_MAX {
            return turn.posted(done, Err(too_many("too many posts wait for this channel")));
        }
        self.posts.push_back(Post {
            message,
            done,
            came: turn.now,
            into: None,
        });
    }

    /// Takes the next post, with its number, if none is under way.
    pub(crate) fn next(&mut self, turn: &mut Turn<'_>) -> Option<(u64, Post)> {
        if self.under_way.is_some() {
            return None;
        }
        while let Some(post) = self.posts.pop_front() {
            if post.done.is_closed() {
                continue;
            }
            if turn.now - post.came > WAIT_MAX {
                turn.posted(
                    post.done,
                    Err(too_many("too many posts waited before this one")),
                );
                continue;
            }
            let number = turn.number();
            self.under_way = Some(number);
            return Some((number, post));
        }
        None
    }

    /// Keeps the post that is under way until it can be sent.
    pub(crate) fn hold(&mut self, post: Post) {
        self.held = Some(post);
    }

    /// Whether the post that is kept waits for the conversation that was begun for it.
    pub(crate) fn holds_begun(&self) -> bool {
        self.held.as_ref().is_some_and(|post| post.into.is_some())
    }

    /// Takes the post that is kept, with its number.
    pub(crate) fn release(&mut self) -> Option<(u64, Post)> {
        Some((self.under_way?, self.held.take()?))
    }

    /// Takes the post that is kept, if it has that number.
    pub(crate) fn release_number(&mut self, number: u64) -> Option<Post> {
        if self.under_way != Some(number) {
            return None;
        }
        self.held.take()
    }

    /// The post of that number is not under way any more.
    pub(crate) fn finish(&mut self, number: u64) {
        self.under_way.take_if(|under_way| *under_way == number);
    }

    /// Answers every post that was not sent with `error`.
    pub(crate) fn close(&mut self, turn: &mut Turn<'_>, error: &BackendError) {
        for post in self.held.take().into_iter().chain(self.posts.drain(..)) {
            turn.posted(post.done, Err(error.clone()));
        }
    }
}

fn too_many(reason: &str) -> BackendError {
    BackendError::new(BackendErrorKind::RetryAfter(Duration::from_secs(1)), reason)
}
