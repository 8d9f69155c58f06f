//! One key, two messages; what came before its conversation; calls into a chat system that never answers.
