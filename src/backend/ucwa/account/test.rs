//! An account, played with documents.
