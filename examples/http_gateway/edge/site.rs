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
use futures_util::stream;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use switchboard::backend;
use switchboard::wire::percent;
use tokio::task::spawn_blocking;

/// Bytes read at a time, which is all that a slow browser holds of a large file in memory.
const PIECE: u64 = 64 * 1024;

/// The file that is served for a directory.
const INDEX: &str = "index.html";

/// The first bytes of private files: SQLite's database, its log in both byte orders, its rollback
/// journal; PuTTY's key.
const PRIVATE: [&[u8]; 5] = [
    b"SQLite format 3\0",
    b"\x37\x7f\x06\x82",
    b"\x37\x7f\x06\x83",
    b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
    b"PuTTY-User-Key-File",
];

/// A part of the first line of a key in PEM.
const KEY: &[u8] = b"PRIVATE KEY";

/// Bytes of a database's header.
const HEADER: usize = 100;

/// Content types by extension; a file of any other is offered for saving.
const TYPES: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("gif", "image/gif"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xml", "application/xml"),
];

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
        let found = root.canonicalize().and_then(|root| {
            if root.is_dir() {
                Ok(root)
            } else {
                Err(io::ErrorKind::NotADirectory.into())
            }
        });
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
        *self.private.lock().unwrap_or_else(PoisonError::into_inner) =
            checked.is_ok().then(|| private.into());
        checked.map_err(|error| format!("{error}; until then none of its files is served"))
    }

    /// Returns the file that a path names, if there is one.
    pub(crate) async fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
        let name = relative(path)?;
        let private = self
            .private
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        let root = self.root.clone();
        let Found {
            file,
            length,
            content_type,
            modified,
        } = spawn_blocking(move || find(&root, &name, &private))
            .await
            .ok()??;
        let unchanged = headers
            .get(header::IF_MODIFIED_SINCE)
            .is_some_and(|since| since == modified.as_str());
        let mut response = Response::new(if unchanged {
            Body::empty()
        } else {
            Body::from_stream(pieces(file, length))
        });
        let headers = response.headers_mut();
        if let Ok(modified) = HeaderValue::from_str(&modified) {
            headers.insert(header::LAST_MODIFIED, modified);
        }
        // The browser asks again each time, and hears 304 unless the file changed.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        );
        headers.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        );
        // A page may run its own scripts; only what would embed it or redirect its links is
        // forbidden.
        let policy =
            HeaderValue::from_static("frame-ancestors 'self'; object-src 'none'; base-uri 'self'");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        Some(response)
    }
}

/// Refuses a directory that holds one of `private`; `found` is the directory with all links
/// followed.
fn keep_out(root: &Path, found: &Path, private: &[PathBuf]) -> Result<(), String> {
    let inside = |path: &&PathBuf| {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let lies_in = |path: &Path| {
            path.canonicalize()
                .is_ok_and(|path| path.starts_with(found))
        };
        lies_in(folder) || lies_in(path)
    };
    if let Some(path) = private.iter().find(inside) {
        let (shown, path) = (root.display(), path.display());
        return Err(format!(
            "--static {shown}: the folder holds {path}, which is not for visitors; serve a folder of its own"
        ));
    }
    Ok(())
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
        path = path.join(INDEX).canonicalize().ok()?;
    }
    // A link may lead to a name that begins with a dot.
    let inside = path.strip_prefix(root).ok()?;
    if inside
        .components()
        .any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
        || backend::is_one_of(&path, private)
    {
        return None;
    }
    let mut file = backend::open_regular(&path).ok()?;
    // Taken before the first bytes are read, so that what is written into the file later is not
    // sent.
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    if is_private(&mut file).ok()? {
        tracing::warn!(path = %path.display(), "this file looks like a database or a private key, and is not served");
        return None;
    }
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let known = TYPES
        .iter()
        .find(|(name, _)| extension.eq_ignore_ascii_case(name));
    let modified: DateTime<Utc> = metadata.modified().ok()?.into();
    Some(Found {
        file,
        length: metadata.len(),
        content_type: known.map_or("application/octet-stream", |(_, content_type)| content_type),
        modified: modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    })
}

/// Whether a file's beginning says that it is a SQLite database, its log or journal, or that it
/// holds a private key.
fn is_private(file: &mut File) -> io::Result<bool> {
    let mut begin = Vec::new();
    file.take(PIECE).read_to_end(&mut begin)?;
    file.rewind()?;
    // A database that is being written has its first page last; nothing else begins with so many
    // zeros.
    let unwritten = begin.len() >= HEADER && begin[..HEADER].iter().all(|byte| *byte == 0);
    let is_key = |line: &[u8]| {
        let line = line.trim_ascii();
        line.starts_with(b"-----BEGIN ") && line.windows(KEY.len()).any(|part| part == KEY)
    };
    Ok(unwritten
        || PRIVATE.iter().any(|magic| begin.starts_with(magic))
        || begin.split(|byte| *byte == b'\n').any(is_key))
}

/// Returns the file's bytes: never more than `length`, and an error if the file became shorter.
fn pieces(
    file: File,
    length: u64,
) -> impl futures_util::Stream<Item = io::Result<Vec<u8>>> + Send + 'static {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = spawn_blocking(move || {
            let mut piece = Vec::new();
            let length = file
                .by_ref()
                .take(left.min(PIECE))
                .read_to_end(&mut piece)? as u64;
            if length == 0 {
                Err(io::ErrorKind::UnexpectedEof.into())
            } else {
                Ok((piece, (file, left - length)))
            }
        });
        read.await
            .unwrap_or_else(|_| Err(io::Error::other("the reading thread died")))
            .map(Some)
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
