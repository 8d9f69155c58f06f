//! Files (XEP-0363): a slot is asked for, the bytes are streamed into it, the link is posted.
//!
//! The service says where a file goes, and that may be anywhere: a service in somebody else's hands
//! could have us put files, with headers of its choice, to what only this machine reaches. So the
//! address must be of https or of this machine, and of a host that is the server's own or
//! configured: the domain, the upload service and the hosts below them, the hosts that are
//! connected to, and [`XmppConfig::file_host`](super::XmppConfig::file_host). This machine is the
//! server's own only where the connection goes to it; any name that leads to this machine will do
//! then.

use super::core::Core;
use super::http::{Target, admissible, put};
use super::jid::Jid;
use super::ns;
use super::state::Service;
use super::xml::Element;
use super::{disco, http};
use crate::backend::{BackendError, BackendErrorKind, Outgoing, PipeReader, Upload};
use crate::model::{Content, Part};
use std::time::Duration;

/// The most services of the server that are asked whether they take files.
const SERVICES_MAX: usize = 32;
/// How long a service may take to say what it is.
const SERVICE_MAX: Duration = Duration::from_secs(5);
/// A file of unknown length is kept in memory until its length is known: at most this many bytes.
const UNKNOWN_MAX: usize = 16 * 1024 * 1024;

/// Returns the service that takes files, which is looked for once a link.
pub(super) async fn service(core: &Core, agent: &Jid) -> Result<Option<Service>, BackendError> {
    if let Some(known) = core.state.lock().upload.clone() {
        return Ok(known);
    }
    let hosts = match &core.config.upload_host {
        Some(host) => vec![host.clone()],
        None => match disco::items(core, agent, &core.config.domain).await {
            Ok(items) => items
                .into_iter()
                .map(|(jid, _)| jid.as_str().to_owned())
                .take(SERVICES_MAX)
                .collect(),
            Err(error) if core.state.lock().over.is_some() => return Err(error),
            Err(_) => Vec::new(),
        },
    };
    let asked = hosts.into_iter().map(|host| ask(core, agent, host));
    let answers = futures_util::future::join_all(asked).await;
    let mut state = core.state.lock();
    if let Some(error) = &state.over {
        return Err(error.clone());
    }
    let is_sure = answers.iter().all(Result::is_ok);
    let found = answers.into_iter().find_map(|answer| answer.ok().flatten());
    if found.is_some() || is_sure {
        state.upload = Some(found.clone());
    }
    Ok(found)
}

/// A service that refused to say what it is, for the moment only.
struct NotNow;

/// Asks a service of the server whether it takes files. One that does not answer takes none: it
/// must not keep the agents out of their rooms.
async fn ask(core: &Core, agent: &Jid, host: String) -> Result<Option<Service>, NotNow> {
    if core.is_component && host == core.jid.as_str() {
        return Ok(None);
    }
    let asked = tokio::select! {
        biased;
        asked = disco::info(core, agent, Some(&host)) => asked,
        () = core.inbox.sleep(SERVICE_MAX) => return Ok(None),
    };
    let info = match asked {
        Ok(Ok(info)) => info,
        Ok(Err(refused)) if refused.is_passing() => return Err(NotNow),
        Ok(Err(_)) | Err(_) => return Ok(None),
    };
    if !info.has(ns::UPLOAD) {
        return Ok(None);
    }
    let limit = info.field("max-file-size");
    let limit = limit.and_then(|limit| limit.trim().parse().ok());
    Ok(Some(Service {
        host,
        bytes_max: limit.unwrap_or(u64::MAX).min(core.config.upload_bytes_max),
    }))
}

/// The address to put one file to, and the address to get it from.
struct Slot {
    put: Target,
    headers: Vec<(String, String)>,
    get: String,
}

/// Streams a file to the service. Returns the message with its link.
pub(super) async fn send(
    core: &Core,
    agent: &Jid,
    upload: Upload,
) -> Result<Outgoing, BackendError> {
    let Upload {
        origin,
        name,
        size,
        mut body,
    } = upload;
    let service = service(core, agent)
        .await?
        .ok_or_else(|| BackendError::unsupported("service that takes files"))?;
    let too_large = || {
        BackendError::new(
            BackendErrorKind::TooLarge(service.bytes_max),
            "the file is too large",
        )
    };
    let (first, length) = match size {
        Some(size) if size > service.bytes_max => return Err(too_large()),
        Some(size) => (Vec::new(), size),
        None => {
            let whole = whole(&mut body, service.bytes_max.min(UNKNOWN_MAX as u64)).await?;
            let length = whole.len() as u64;
            (whole, length)
        }
    };
    let mut slot = slot(core, agent, &service, &name, length).await?;
    if !core.config.takes_files(slot.put.host(), &service.host) {
        slot.put.only_here = true;
    }
    if slot.put.only_here && !core.config.is_on_this_machine() {
        return Err(http::not_allowed(slot.put.host()));
    }
    tokio::select! {
        biased;
        () = core.ended() => return Err(core.why_over()),
        done = put(&core.inbox, &slot.put, &slot.headers, length, first, &mut body, &core.config.trust) => done?,
    }
    let parts = vec![Part::Hyperlink {
        text: slot.get.clone(),
        url: slot.get,
    }];
    Ok(Outgoing::new(origin, Content::parts(parts)))
}

async fn whole(body: &mut PipeReader, most: u64) -> Result<Vec<u8>, BackendError> {
    let mut whole = Vec::new();
    loop {
        match body.next().await {
            Ok(Some(chunk)) if (whole.len() + chunk.len()) as u64 <= most => whole.extend(chunk),
            Ok(Some(_)) => {
                return Err(BackendError::new(
                    BackendErrorKind::TooLarge(most),
                    "a file of unknown length is too large",
                ));
            }
            Ok(None) => return Ok(whole),
            Err(_) => {
                return Err(BackendError::new(
                    BackendErrorKind::Rejected,
                    "the upload was given up",
                ));
            }
        }
    }
}

async fn slot(
    core: &Core,
    agent: &Jid,
    service: &Service,
    name: &str,
    length: u64,
) -> Result<Slot, BackendError> {
    // The name becomes a part of an address, so it must not be a path.
    let name: String = name
        .chars()
        .map(|c| {
            if c == '/' || c == '\\' || c.is_control() {
                '_'
            } else {
                c
            }
        })
        .collect();
    let request = Element::new("request", ns::UPLOAD)
        .with("filename", name)
        .with("size", length.to_string())
        .with("content-type", "application/octet-stream");
    let answer = match core.ask(agent, Some(&service.host), "get", request).await? {
        Ok(answer) => answer,
        Err(refused) if refused.is("not-acceptable") => {
            return Err(BackendError::new(
                BackendErrorKind::TooLarge(length.saturating_sub(1)),
                refused.reason(),
            ));
        }
        Err(refused) => return Err(refused.of_upload()),
    };
    let slot = answer.find("slot", ns::UPLOAD);
    let url = |what: &str| {
        slot.and_then(|slot| slot.find(what, ns::UPLOAD)?.attribute("url"))
            .map(str::to_owned)
    };
    let unreadable = || {
        BackendError::new(
            BackendErrorKind::Rejected,
            "the server gave no address that a file can be put to",
        )
    };
    let put = url("put")
        .as_deref()
        .and_then(http::Target::parse)
        .ok_or_else(unreadable)?;
    let get = url("get").filter(|get| Target::parse(get).is_some());
    let get = get
        .and_then(|get| http::encoded(get.trim()))
        .ok_or_else(unreadable)?;
    let headers = slot
        .and_then(|slot| slot.find("put", ns::UPLOAD))
        .into_iter()
        .flat_map(Element::children);
    let headers = headers
        .filter_map(|header| admissible(header.attribute("name")?, &header.inner_text()))
        .collect();
    Ok(Slot { put, headers, get })
}
