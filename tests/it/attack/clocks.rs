//! A clock that jumps ahead and back: nothing is deleted for it, and no token lives longer for it.
