//! UCWA: Lync Server 2013 and Skype for Business Server, as ordinary users over their web API.

#![allow(dead_code, reason = "the link that uses all of it is being written")]

mod address;
mod challenge;
mod config;
mod data_uri;
mod document;
mod failure;
mod package;
mod status;

pub use config::{Grant, LoginRule, UcwaConfig};
