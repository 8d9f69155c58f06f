//! What decides whether the vendor's sample programs work: twenty rules, a test each; rule 4, the
//! formats, is in `xml`.

mod answers;
mod events;
mod requests;
