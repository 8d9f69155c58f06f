//! What one principal may fill: the journal, the audit, the write-ahead log.
