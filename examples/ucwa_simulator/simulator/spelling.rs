//! The names of headers as IIS spells them. Names have no case, but some clients look for
//! `WWW-Authenticate` in a dictionary with case.
//!
//! hyper writes names in lower case, unless the answer carries hyper's own record of how a request
//! spelled them. So hyper once reads a request that spells all of them like IIS, and every answer
//! carries the record of that request. Rejected: rewriting the bytes on their way out, which would
//! need to find the end of the head.

use hyper::body::Incoming;
use hyper::http::Extensions;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use tokio::io::AsyncWriteExt;

/// The names that answers contain. A name that can occur twice is listed twice.
const NAMES: [&str; 23] = [
    "WWW-Authenticate",
    "WWW-Authenticate",
    "X-MS-Server-Fqdn",
    "X-MS-UcwaVersion",
    "X-Ms-diagnostics",
    "X-Powered-By",
    "ETag",
    "Server",
    "Cache-Control",
    "Pragma",
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Location",
    "Set-Cookie",
    "Retry-After",
    "Warning",
    "Vary",
    "Date",
    "Connection",
    "Expires",
    "Allow",
    "Transfer-Encoding",
];

/// Returns the extensions that every answer must carry. If a future hyper ignores them, names are
/// in lower case.
pub fn of_iis() -> Extensions {
    static RECORD: OnceLock<Extensions> = OnceLock::new();
    RECORD.get_or_init(record).clone()
}

fn record() -> Extensions {
    let seen = Arc::new(Mutex::new(Extensions::new()));
    let kept = seen.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        *kept.lock() = request.extensions().clone();
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    });
    let (mut client, server) = tokio::io::duplex(4096);
    let values = NAMES.map(|name| match name {
        "Content-Length" => "0",
        "Transfer-Encoding" | "Connection" => "",
        _ => "x",
    });
    let lines: String = NAMES
        .iter()
        .zip(values)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let serving = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(server), service);
    let reading = async move {
        drop(client.write_all(head.as_bytes()).await);
        drop(client.shutdown().await);
        drop(serving.await);
    };
    // Nothing here waits, so a few polls are enough and no runtime is needed.
    let mut reading = std::pin::pin!(reading);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..16 {
        if reading.as_mut().poll(&mut context).is_ready() {
            break;
        }
    }
    seen.lock().clone()
}
