//! HTTP/1.1 over any stream, and listening on a port, plain or with TLS.

use super::answer::{Answer, Body};
use super::core::{Simulator, Style};
use super::representation::Representation;
use super::request::Request;
use super::world::Outcome;
use axum::body::Body as Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The most bytes of a request's body; a longer one gets 413.
const BODY_MAX: usize = 1024 * 1024;
/// The most connections of one listener. Further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 50_000;

/// Serves one connection until its end. `scheme` is http or https.
pub async fn serve<S>(simulator: Arc<Simulator>, stream: S, scheme: &'static str)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| answer(simulator.clone(), request, scheme));
    // An error means that the client has left or that a fault cuts the connection.
    let mut http = hyper::server::conn::http1::Builder::new();
    drop(
        http.preserve_header_case(true)
            .title_case_headers(true)
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

/// Accepts connections for ever, with TLS if there is an acceptor.
pub async fn listen(simulator: Arc<Simulator>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = places
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        drop(stream.set_nodelay(true));
        let (simulator, tls) = (simulator.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(simulator, stream, "http").await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(simulator, stream, "https").await;
                    }
                }
            }
            drop(place);
        });
    }
}

async fn answer(
    simulator: Arc<Simulator>,
    request: hyper::Request<Incoming>,
    scheme: &'static str,
) -> io::Result<Response<Bytes>> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Bytes::new(body), BODY_MAX).await;
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let host = head
        .headers
        .get("host")
        .map(text)
        .or_else(|| head.uri.authority().map(ToString::to_string));
    let mut request = Request {
        method: head.method.as_str().to_owned(),
        scheme: scheme.to_owned(),
        host: host.unwrap_or_else(|| "localhost".to_owned()),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: Vec::new(),
    };
    let Ok(body) = body else {
        let fault = super::answer::Fault::new(413, "EntityTooLarge", "", "The body is too long.");
        return render(fault.into(), &request, &simulator.style());
    };
    request.body = body.to_vec();
    let answer = match simulator.handle(&request) {
        Outcome::Now(answer) => answer,
        // An error here makes hyper drop the connection, as a fault demands.
        Outcome::Later(reply) => reply
            .await
            .map_err(|_| io::Error::other("cut by a fault"))?,
    };
    render(answer, &request, &simulator.style())
}

/// Writes an answer in the form that the request asks for.
fn render(answer: Answer, request: &Request, style: &Style) -> io::Result<Response<Bytes>> {
    let status = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    let mut response = Response::builder()
        .status(status)
        .header("Server", "Microsoft-IIS/8.5")
        .header("X-Powered-By", "ASP.NET")
        .header("X-MS-Server-Fqdn", &style.host)
        .header("X-MS-UcwaVersion", "2.0");
    let has = |name: &str| {
        answer
            .headers
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    if !has("Cache-Control") {
        response = response.header("Cache-Control", "no-cache");
    }
    let body = match answer.body {
        Body::Empty => Vec::new(),
        Body::Json(value) => {
            let form = Representation::of(request, &style.default_type);
            response = response.header("Content-Type", form.kind());
            form.bytes(&value)
        }
        Body::Bytes(kind, bytes) => {
            response = response.header("Content-Type", kind);
            bytes
        }
    };
    let accepts_gzip = request
        .header("accept-encoding")
        .is_some_and(|accepted| accepted.contains("gzip"));
    let zipped = style.gzip && accepts_gzip && !body.is_empty();
    if zipped {
        response = response
            .header("Content-Encoding", "gzip")
            .header("Vary", "Accept-Encoding");
    }
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = if zipped {
        super::gzip::wrap(&body)
    } else {
        body
    };
    let mut response = response.body(Bytes::from(body)).map_err(io::Error::other)?;
    *response.extensions_mut() = super::spelling::of_iis();
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::super::switches::Switches;
    use super::super::timer::RealTime;
    use super::super::world::Config;
    use super::*;
    use std::future::Future;
    use std::task::{Context, Poll, Waker};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Returns the answer to a GET or POST without a body. `headers` end with CR LF each.
    fn asked(switches: Switches, line: &str, headers: &str) -> String {
        let config = Config {
            domain: "contoso.com".to_owned(),
            seed: 1,
            secure_port: None,
            switches,
        };
        let simulator = Simulator::new(config, Arc::new(RealTime));
        let (mut client, server) = tokio::io::duplex(65_536);
        let head = format!(
            "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
        );
        let asking = async move {
            client.write_all(head.as_bytes()).await.unwrap();
            let mut bytes = Vec::new();
            client.read_to_end(&mut bytes).await.unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        // Both sides are in memory and wait only for each other, so a few polls of both are enough.
        let mut both =
            std::pin::pin!(async { tokio::join!(asking, serve(simulator, server, "http")).0 });
        let mut context = Context::from_waker(Waker::noop());
        let text = (0..100).find_map(|_| match both.as_mut().poll(&mut context) {
            Poll::Ready(text) => Some(text),
            Poll::Pending => None,
        });
        text.unwrap()
    }

    #[test]
    fn header_names_are_spelled_as_iis_spells_them() {
        let text = asked(Switches::default(), "POST /ucwa/oauth/v1/applications", "");
        for line in [
            "WWW-Authenticate: Bearer ",
            "WWW-Authenticate: MsRtcOAuth ",
            "X-MS-Server-Fqdn: ",
            "Content-Type: text/html",
            "Content-Length: ",
        ] {
            assert!(text.contains(line), "no `{line}` in {text}");
        }
    }

    #[test]
    fn a_client_that_accepts_xml_gets_xml() {
        let text = asked(
            Switches::default(),
            "GET /?originalDomain=a.b",
            "Accept: application/xml\r\n",
        );
        assert!(
            text.contains("\r\nContent-Type: application/xml; charset=utf-8\r\n"),
            "{text}"
        );
        let document =
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><resource rel=\"root\" href=\"http://a/Auto";
        assert!(text.contains(document), "{text}");
        let json = asked(Switches::default(), "GET /", "");
        assert!(
            json.contains("\r\nContent-Type: application/json"),
            "{json}"
        );
    }

    #[test]
    fn an_answer_is_compressed_only_if_the_switch_is_on() {
        let accepts = "Accept-Encoding: gzip, deflate\r\n";
        let plain = asked(Switches::default(), "GET /", accepts);
        assert!(plain.contains("\"_links\""), "{plain}");
        assert!(!plain.contains("Content-Encoding"), "{plain}");
        let mut switches = Switches::default();
        switches.set("gzip", "on").unwrap();
        let zipped = asked(switches.clone(), "GET /", accepts);
        assert!(
            zipped.contains("\r\nContent-Encoding: gzip\r\n"),
            "{zipped}"
        );
        let unasked = asked(switches, "GET /", "");
        assert!(!unasked.contains("Content-Encoding"), "{unasked}");
    }
}
