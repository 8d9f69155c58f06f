//! Strangers on the wire: memory without a login, half-closed connections, processes that cannot be stopped.
