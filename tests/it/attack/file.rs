//! The file under the engine: second openers, files that are removed or replaced, locks that are dropped.
