//! Guides, one task each: what concerns several items and therefore cannot stand beside one of
//! them.
//!
//! | you want to | read |
//! |---|---|
//! | test a bot without a server, a sleep or a mock | [`testing`] |
//! | write a relay, a helpdesk, a host with or without tokio | [`patterns`] |
//! | run the gateway | [`operating`] |
//! | let the company's directory check passwords | [`directories`] |
//! | put it behind nginx, Caddy or Apache | [`proxies`] |
//! | know what an error means and whether to repeat the call | [`errors`] |
//! | connect another chat system | [`backend`] |
//! | try an agent on a Prosody of your own, or on a simulated Lync | [`first_agent`] |
//! | know how the engine is built and what always holds | [`architecture`] |
//! | build it, test it, or add something to it | [`contributing`] |
//! | add something that administrators provision | [`resource`] |
//! | cut a release | [`releasing`] |
//! | store events, or send them elsewhere, as JSON | [`event_json`] |
//! | look up a rule of the HTTP contract, and why it is so | [`contract`] |
//! | look up what a connector relies on | [`chat_systems`] |
//! | see what changed | [`changelog`] |

pub mod architecture {
    #![doc = include_str!("architecture.md")]
}
pub mod backend {
    #![doc = include_str!("backend.md")]
}
pub mod changelog {
    #![doc = include_str!("changelog.md")]
}
pub mod chat_systems {
    #![doc = include_str!("chat_systems.md")]
}
pub mod contract {
    #![doc = include_str!("contract.md")]
}
pub mod contributing {
    #![doc = include_str!("contributing.md")]
}
pub mod directories {
    #![doc = include_str!("directories.md")]
}
pub mod errors {
    #![doc = include_str!("errors.md")]
}
pub mod event_json {
    #![doc = include_str!("event_json.md")]
}
pub mod first_agent {
    #![doc = include_str!("first_agent.md")]
}
pub mod operating {
    #![doc = include_str!("operating.md")]
}
pub mod patterns {
    #![doc = include_str!("patterns.md")]
}
pub mod proxies {
    #![doc = include_str!("proxies.md")]
}
pub mod releasing {
    #![doc = include_str!("releasing.md")]
}
pub mod resource {
    #![doc = include_str!("resource.md")]
}
pub mod testing {
    #![doc = include_str!("testing.md")]
}

#[cfg(test)]
mod citations;
#[cfg(test)]
mod tests;
