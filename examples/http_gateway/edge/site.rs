//! `--static DIR`: the files of a directory, so that a page and the API it calls have one origin
//! and need no CORS.
//!
//! A file is served only for a path that the contract does not have, and only from inside the
//! directory: each segment of a path is decoded and refused if it could be more than a name, and
//! the file must still lie inside when all links are followed. A file that begins as a database,
//! its log or a private key does is never served, whatever its name: a copy that somebody puts into
//! the directory is known by its first bytes only. SIGHUP checks the directory again, and serves
//! none of its files while it holds one of the gateway's own. Rejected: a list of directories,
//! directory listings, compression, ranges: a proxy does those better.

use axum::body::Body;
use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use hyper::header::{self, HeaderName};
use hyper::{HeaderMap, Response, StatusCode};
use parking_lot::Mutex;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchboard::backend;
use switchboard::wire::percent;
use tokio::io::AsyncReadExt;
use tokio::task::spawn_blocking;

/// Bytes read at a time, which is all that a slow browser holds of a large file in memory.
const PIECE: usize = 64 * 1024;

/// Headers of every file. The browser asks again each time, and hears 304 unless the file changed.
/// A page may run its own scripts; only what would embed it or redirect its links is forbidden.
const POLICIES: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-cache"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "frame-ancestors 'self'; object-src 'none'; base-uri 'self'",
    ),
];

/// Returns the content type of an extension; a file of any other is offered for saving.
fn content_type(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "css" => "text/css; charset=utf-8",
        "gif" => "image/gif",
        "htm" | "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "jpeg" | "jpg" => "image/jpeg",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webp" => "image/webp",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "xml" => "application/xml",
        _ => "application/octet-stream",
    }
}

/// A directory that is served.
pub(crate) struct Site {
    /// With all links followed.
    root: PathBuf,
    /// Files of the gateway's own that are never opened here, by whatever name. `None` while the
    /// directory holds one of them; then no file is served.
    private: Mutex<Option<Arc<[PathBuf]>>>,
}

struct Found {
    file: File,
    length: u64,
    content_type: &'static str,
    modified: String,
}

impl Site {
    /// Serves `root`, which must hold none of `private`: the database, settings, keys and secrets
    /// of the gateway.
    pub(crate) fn open(root: &Path, private: Vec<PathBuf>) -> Result<Site, String> {
        // Reading it fails for what is no directory.
        let found = root.read_dir().and_then(|_| root.canonicalize());
        let found = found.map_err(|error| format!("--static {}: {error}", root.display()))?;
        keep_out(root, &found, &private)?;
        Ok(Site {
            root: found,
            private: Mutex::new(Some(private.into())),
        })
    }

    /// Looks again whether the folder holds one of `private`; serves nothing while it does.
    pub(crate) fn check_again(&self, private: Vec<PathBuf>) -> Result<(), String> {
        let checked = keep_out(&self.root, &self.root, &private);
        *self.private.lock() = checked.is_ok().then(|| private.into());
        checked.map_err(|error| format!("{error}; until then none of its files is served"))
    }

    /// Returns the file that a path names, if there is one.
    pub(crate) async fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
        let name = relative(path)?;
        let private = self.private.lock().clone()?;
        let root = self.root.clone();
        let found = spawn_blocking(move || find(&root, &name, &private));
        let found = found.await.ok()??;
        let since = headers.get(header::IF_MODIFIED_SINCE);
        let unchanged = since.is_some_and(|since| *since == found.modified);
        let mut response = Response::builder().header(header::LAST_MODIFIED, found.modified);
        for (name, value) in POLICIES {
            response = response.header(name, value);
        }
        let (response, body) = if unchanged {
            (response.status(StatusCode::NOT_MODIFIED), Body::empty())
        } else {
            let response = response.header(header::CONTENT_TYPE, found.content_type);
            let body = Body::from_stream(pieces(found.file, found.length));
            (response.header(header::CONTENT_LENGTH, found.length), body)
        };
        response.body(body).ok()
    }
}

/// Refuses a directory that holds one of `private`; `found` is the directory with all links
/// followed.
fn keep_out(root: &Path, found: &Path, private: &[PathBuf]) -> Result<(), String> {
    let Some(path) = private.iter().find(|path| backend::lies_in(path, found)) else {
        return Ok(());
    };
    let (shown, path) = (root.display(), path.display());
    Err(format!(
        "--static {shown}: the folder holds {path}, which is not for visitors; serve a folder of its own"
    ))
}

/// Turns the path of a URL into a path of files; `None` if a segment is no plain name. Names that
/// begin with a dot are not for visitors: `.git`, `.htpasswd`, and `..`.
fn relative(path: &str) -> Option<PathBuf> {
    let mut name = PathBuf::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let segment = percent::decode(segment, false)?;
        if segment.starts_with('.') || segment.contains(['/', '\\', ':', '\0']) {
            return None;
        }
        name.push(segment);
    }
    Some(name)
}

fn find(root: &Path, name: &Path, private: &[PathBuf]) -> Option<Found> {
    let mut path = root.join(name).canonicalize().ok()?;
    if path.is_dir() {
        path = path.join("index.html").canonicalize().ok()?;
    }
    // A link may lead to a name that begins with a dot.
    let inside = path.strip_prefix(root).ok()?;
    let is_hidden = |part: &OsStr| part.as_encoded_bytes().starts_with(b".");
    if inside.iter().any(is_hidden) || backend::is_one_of(&path, private) {
        return None;
    }
    let mut file = backend::open_regular(&path).ok()?;
    // Taken before the first bytes are read, so that what is written into the file later is not
    // sent.
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    if backend::looks_private(&mut file).ok()? {
        tracing::warn!(path = %path.display(), "this file looks like a database or a private key, and is not served");
        return None;
    }
    let extension = path.extension().and_then(OsStr::to_str);
    let modified: DateTime<Utc> = metadata.modified().ok()?.into();
    Some(Found {
        file,
        length: metadata.len(),
        content_type: content_type(extension.unwrap_or_default()),
        modified: modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    })
}

/// Returns the file's bytes, never more than `length`. hyper ends the connection if they are fewer.
fn pieces(file: File, length: u64) -> impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static {
    let file = tokio::fs::File::from_std(file).take(length);
    stream::try_unfold(file, |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE);
        let read = file.read_buf(&mut piece).await?;
        Ok((read > 0).then_some((piece, file)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_paths() {
        assert_eq!(relative("/"), Some(PathBuf::new()));
        assert_eq!(
            relative("/a%20b//c.html"),
            Some(PathBuf::from("a b/c.html"))
        );
        for path in [
            "/..",
            "/a/../b",
            "/%2e%2e/x",
            "/..%2fx",
            "/a%2fb",
            "/a%5c..%5cb",
            "/.git/config",
            "/c:/x",
            "/%00",
            "/%ff",
        ] {
            assert_eq!(relative(path), None, "{path}");
        }
    }
}
