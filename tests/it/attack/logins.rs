//! Strangers who log in, and bots that all log in at once.
