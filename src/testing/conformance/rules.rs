//! The rules that a backend is held to, in the words of [`crate::guide::backend`].
//!
//! A failure names the rule that it breaks, so that an author knows what to read. A test of the
//! guide's text keeps both the same.

/// A rule's first sentence on the guide's page.
pub(super) type Rule = &'static str;

pub(super) const IN_LINE: Rule = "A call takes its place in line when it is made";
pub(super) const TRY_ONCE: Rule = "Try once and say how it went";
pub(super) const KEEP_NOTHING: Rule = "Keep nothing across links";
pub(super) const ECHOES: Rule = "Say whether a post comes back";
pub(super) const ROOMS_ID: Rule = "`SeenBy::Room` only if the message id is the room's own";
pub(super) const SEEN: Rule = "An agent is seen while it is signed in";
pub(super) const LEAVING: Rule = "Nothing comes from a channel that the agent is not in";
pub(super) const ORDER: Rule = "Messages come in their order, each under an id of its own";
pub(super) const WHOLE: Rule = "A text within the limits arrives whole";
pub(super) const CAPABILITIES: Rule = "The capabilities say what works, and nothing else does";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_every_rule() {
        let page = include_str!("../../guide/backend.md").replace('\n', " ");
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        let rules = [
            IN_LINE,
            TRY_ONCE,
            KEEP_NOTHING,
            ECHOES,
            ROOMS_ID,
            SEEN,
            LEAVING,
            ORDER,
            WHOLE,
            CAPABILITIES,
        ];
        for rule in rules {
            assert!(page.contains(&format!("**{rule}")), "`{rule}`");
        }
    }
}
