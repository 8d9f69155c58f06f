//! A host on tokio: the contract below a path of its own web application, and a bot beside it.
//!
//! ```text
//! APP_PASSWORD=… cargo run --example tokio_host -- host.db xmpp.toml bot@example.org chat-room:ops
//! ```
//!
//! Ctrl-C ends it in order: requests under way are answered, events in hand are handled.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the program is there to print"
)]

use axum::{Router, extract::State, http::StatusCode, routing::get};
use std::time::Duration;
use switchboard::backend::xmpp::{Xmpp, XmppConfig};
use switchboard::rest::Rest;
use switchboard::{
    AgentState, Builder, Engine, Error, EventQuery, NewAgent, NewMessage, NewUser, Principal,
    Result, Workers,
};
use tokio::net::TcpListener;

/// How long the end may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the engine and provisions the bot, and the user `app` who may act through it. Idempotent.
pub async fn open(builder: Builder, address: &str, room: &str, password: &str) -> Result<Engine> {
    let engine = builder.open_async().await?;
    let admin = engine.provisioning(&Principal::host("tokio_host"))?;
    let app = NewUser::new("app", "app")?.password(password)?;
    admin.put_user_async(app).await?;
    let bot = NewAgent::new("bot", address)?.channel(room)?.user("app")?;
    admin.put_agent_async(bot).await?;
    Ok(engine)
}

/// The host's application: the contract below `/chat`, and a page of its own.
pub fn application(engine: &Engine) -> Router {
    let rest = Rest::builder(engine.clone()).prefix("/chat").build();
    Router::new()
        .route("/health", get(health))
        .with_state(engine.clone())
        .nest_service("/chat", rest)
}

/// Whether the bot is signed in.
async fn health(State(engine): State<Engine>) -> (StatusCode, String) {
    match engine.agent_status("bot") {
        Ok(bot) if bot.state == AgentState::Active => (StatusCode::OK, "active".to_owned()),
        Ok(bot) => (StatusCode::SERVICE_UNAVAILABLE, bot.state.to_string()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Answers who asks for help, until the engine is shut down.
pub async fn answer(engine: &Engine) -> Result<()> {
    let bot = engine.agent("bot")?;
    let query = EventQuery::messages().remote().not_automatic();
    bot.dispatch_async(query, Workers::new(8), async |delivery| -> Result<()> {
        if let Some(message) = delivery.message().filter(|message| message.text == "!help") {
            let help = NewMessage::text("ask at /chat").answering(&delivery);
            bot.post_async(&message.channel, help).await?;
        }
        Ok(())
    })
    .await
}

/// Serves until `stop`, or until something fails, and ends in order.
pub async fn serve(
    engine: Engine,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let serving = axum::serve(listener, application(&engine)).with_graceful_shutdown(stop);
    let ended = tokio::select! {
        served = serving.into_future() => served.map_err(Error::host),
        answered = answer(&engine) => answered,
    };
    engine.shutdown_async(PATIENCE).await.and(ended)
}

#[allow(dead_code, reason = "tests take this file as a module")]
#[allow(clippy::disallowed_methods, reason = "the program's own runtime")]
#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, config, address, room] = arguments.as_slice() else {
        eprintln!("usage: tokio_host DATABASE XMPP.TOML ADDRESS ROOM");
        std::process::exit(2);
    };
    let password = std::env::var("APP_PASSWORD").map_err(Error::host)?;
    let config = tokio::fs::read_to_string(config)
        .await
        .map_err(Error::host)?;
    let config: XmppConfig = toml::from_str(&config).map_err(Error::host)?;
    let builder = Engine::builder()
        .database(database)
        .backend(Xmpp::new(config)?);
    let engine = open(builder, &format!("xmpp:{address}"), room, &password).await?;
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(Error::host)?;
    println!(
        "http://{}/chat",
        listener.local_addr().map_err(Error::host)?
    );
    serve(engine, listener, async {
        drop(tokio::signal::ctrl_c().await)
    })
    .await
}
