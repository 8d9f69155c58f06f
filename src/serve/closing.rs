//! Says `Connection: close` on a response after which the connection ends.
//!
//! A client that is not told keeps the connection in its pool, and its next request fails. hyper
//! does not say it, and decides late: it reads what is left of a body, if that is there already,
//! and closes otherwise. Clients that send head and body in two pieces were cut off so. So a short
//! rest is read here, before the response goes out.

use super::phase::Phase;
use http::{HeaderMap, HeaderValue, Request, Version, header};
use http_body::Body;
use hyper::body::Incoming;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How much is read of a body that nobody wanted, and how long.
const REST_BYTES: usize = 64 << 10;
const REST_TIME: Duration = Duration::from_secs(1);

/// What the head of a request says about the connection.
pub(super) struct Closing {
    /// The client wants the connection to end.
    wanted: bool,
    /// The client sends its body only if it is told to.
    expects: bool,
}

impl Closing {
    pub(super) fn of<B>(request: &Request<B>) -> Closing {
        let says = |word: &str| says(request.headers(), word);
        let old = request.version() <= Version::HTTP_10;
        Closing {
            wanted: says("close") || (old && !says("keep-alive")),
            expects: request.headers().contains_key(header::EXPECT),
        }
    }

    /// Adds the header to a response if the connection ends after it.
    pub(super) async fn say(self, headers: &mut HeaderMap, phase: &Phase) {
        let mut closes = self.wanted
            || phase.is_last()
            || phase.departure().has_departed()
            || says(headers, "close");
        if let Some(rest) = phase.take_left() {
            // In a box: nearly no request needs it, and each would keep room for it.
            if !closes && !self.expects && Box::pin(is_short(rest)).await {
                phase.note_read();
            } else {
                closes = true;
            }
        }
        if closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

fn says(headers: &HeaderMap, word: &str) -> bool {
    let values = headers.get_all(header::CONNECTION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|said| said.trim().eq_ignore_ascii_case(word))
}

/// Reads the rest of a body and throws it away; false if it is long, slow or broken.
async fn is_short(mut rest: Incoming) -> bool {
    if rest.size_hint().lower() > REST_BYTES as u64 {
        return false;
    }
    let read = async {
        let mut bytes = 0;
        while bytes <= REST_BYTES {
            match poll_fn(|cx| Pin::new(&mut rest).poll_frame(cx)).await {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, bytes::Bytes::len),
            }
        }
        false
    };
    tokio::select! {
        is_short = read => is_short,
        () = sleep_until(Instant::now() + REST_TIME) => false,
    }
}
