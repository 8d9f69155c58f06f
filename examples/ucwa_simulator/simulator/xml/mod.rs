//! The XML form of UCWA: answers from JSON, and bodies of requests to JSON.
//!
//! The simulator thinks in JSON, and no resource knows of XML. The specification fixes the
//! namespace, `<resource rel= href=>`, `<link>`, `<property name=>`, `<propertyList>`, `<input>`
//! and `<reason>`. The form of events, of dates and of nested properties is documented nowhere; here
//! it follows the names of the JSON form.

pub mod read;
pub mod write;

#[cfg(test)]
mod write_test;

/// The namespace of every document.
pub const NAMESPACE: &str = "http://schemas.microsoft.com/rtc/2012/03/ucwa";
