//! The raw side: an axum handler that does nothing, and one that only waits.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post};
use std::sync::Arc;
use tokio::sync::Notify;

/// A text as long as the document of a channel.
const ANSWER: &str = r#"{"CanAcceptFiles":true,"Classification":null,"Description":null,"DisplayName":"Room 0","EmailAddress":null,"Id":"chat-room:room-0","IsReadOnly":false,"MaxMessageLength":500,"MaxStoryLength":4000,"Metadata":null,"SecurityContexts":null,"Subject":null}"#;

/// Serves on a free port until it is killed. Prints its address as the gateway does.
pub fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    #[expect(
        clippy::disallowed_methods,
        reason = "this process is the server, and no runtime is around it"
    )]
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        println!(
            "listening on http://{}",
            listener.local_addr().expect("an address")
        );
        let router = Router::new()
            .route(
                "/",
                post(|body: Bytes| async move { if body.is_empty() { "" } else { ANSWER } }),
            )
            .route("/wait", get(wait))
            .route(
                "/wake",
                post(|State(waiting): State<Arc<Notify>>| async move { waiting.notify_waiters() }),
            )
            .with_state(Arc::new(Notify::new()));
        axum::serve(listener, router).await.expect("serves");
    });
}

async fn wait(State(waiting): State<Arc<Notify>>) -> &'static str {
    waiting.notified().await;
    "[]"
}
