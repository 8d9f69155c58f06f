//! The servers of a directory: pooled connections, and the next server where one does not answer.
//!
//! Searches run as the service account, and passwords are tried on connections of their own: a bind
//! changes whose connection it is. A server that failed is asked last for a while, so that not
//! every login waits for it.

use super::LdapConfig;
use super::connection::{Connection, Trouble};
use ldap3::{LdapResult, Scope, SearchEntry};
use parking_lot::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long a server that failed is asked last.
const PENALTY: Duration = Duration::from_secs(60);

/// The servers of one directory.
pub(super) struct Servers {
    searching: Pool,
    trying: Pool,
    /// Until when each is asked last.
    failed: Mutex<Vec<Option<Instant>>>,
}

/// Connections for one purpose.
struct Pool {
    idle: Mutex<Vec<Connection>>,
    turns: Semaphore,
    purpose: Purpose,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Search,
    Try,
}

/// What a server is asked.
enum Question<'a> {
    Search {
        base: &'a str,
        scope: Scope,
        filter: &'a str,
        attributes: &'static [&'static str],
    },
    Bind {
        dn: &'a str,
        password: &'a str,
    },
}

enum Answer {
    Found(Vec<SearchEntry>),
    Bound(LdapResult),
}

impl Question<'_> {
    async fn put_to(&self, connection: &mut Connection) -> Result<Answer, Trouble> {
        match *self {
            Question::Search {
                base,
                scope,
                filter,
                attributes,
            } => {
                let found = connection.search(base, scope, filter, attributes);
                found.await.map(Answer::Found)
            }
            Question::Bind { dn, password } => {
                connection.bind(dn, password).await.map(Answer::Bound)
            }
        }
    }
}

impl Pool {
    fn new(purpose: Purpose, connections: usize) -> Pool {
        Pool {
            idle: Mutex::default(),
            turns: Semaphore::new(connections),
            purpose,
        }
    }
}

impl Servers {
    pub(super) fn new(config: &LdapConfig) -> Servers {
        Servers {
            searching: Pool::new(Purpose::Search, config.connections),
            trying: Pool::new(Purpose::Try, config.connections),
            failed: Mutex::new(vec![None; config.servers.len()]),
        }
    }

    /// Searches as the service account.
    pub(super) async fn search(
        &self,
        config: &LdapConfig,
        (base, scope): (&str, Scope),
        filter: &str,
        attributes: &'static [&'static str],
    ) -> Result<Vec<SearchEntry>, Trouble> {
        let question = Question::Search {
            base,
            scope,
            filter,
            attributes,
        };
        match self.ask(config, &self.searching, &question).await? {
            Answer::Found(entries) => Ok(entries),
            Answer::Bound(_) => Ok(Vec::new()),
        }
    }

    /// Tries a name and a password.
    pub(super) async fn bind(
        &self,
        config: &LdapConfig,
        dn: &str,
        password: &str,
    ) -> Result<LdapResult, Trouble> {
        let question = Question::Bind { dn, password };
        match self.ask(config, &self.trying, &question).await? {
            Answer::Bound(result) => Ok(result),
            Answer::Found(_) => Err(Trouble::told("a bind found entries")),
        }
    }

    /// Asks over a pooled connection, or a new one, of one server after the other until one
    /// answers.
    async fn ask(
        &self,
        config: &LdapConfig,
        pool: &Pool,
        question: &Question<'_>,
    ) -> Result<Answer, Trouble> {
        let turn = pool.turns.acquire().await;
        let _turn = turn.map_err(|_| Trouble::told("the directory is closed"))?;
        let mut last = None;
        // The server may have closed a pooled connection long ago: that says nothing of it.
        let pooled = pool.idle.lock().pop();
        if let Some(mut connection) = pooled {
            match question.put_to(&mut connection).await {
                Err(trouble) if trouble.is_broken => {
                    let of = connection.server;
                    pool.idle.lock().retain(|other| other.server != of);
                    last = Some(trouble);
                }
                answer => {
                    pool.idle.lock().push(connection);
                    return answer;
                }
            }
        }
        for server in self.order(Instant::now()) {
            let trouble = match self.opened(config, pool.purpose, server).await {
                Ok(mut connection) => match question.put_to(&mut connection).await {
                    Err(trouble) if trouble.is_broken => trouble,
                    answer => {
                        self.works(config, server);
                        pool.idle.lock().push(connection);
                        return answer;
                    }
                },
                Err(trouble) => trouble,
            };
            self.fails(config, server, &trouble);
            last = Some(trouble);
        }
        Err(last.unwrap_or_else(|| Trouble::told("there is no server")))
    }

    async fn opened(
        &self,
        config: &LdapConfig,
        purpose: Purpose,
        server: usize,
    ) -> Result<Connection, Trouble> {
        let mut connection = Connection::open(config, server).await?;
        if purpose == Purpose::Search
            && let Some((dn, secret)) = &config.service
        {
            let secret = secret.read().map_err(|error| Trouble::told(error.reason))?;
            let bound = connection.bind(dn, secret.expose()).await?;
            if bound.rc != 0 {
                return Err(Trouble::told(format!(
                    "the service account is refused ({}: {})",
                    bound.rc, bound.text
                )));
            }
        }
        Ok(connection)
    }

    /// The servers: in the order of the list, but those that failed of late last.
    fn order(&self, now: Instant) -> Vec<usize> {
        let failed = self.failed.lock();
        let is_late = |server: &usize| failed[*server].is_some_and(|until| until > now);
        let (late, good): (Vec<usize>, Vec<usize>) = (0..failed.len()).partition(is_late);
        [good, late].concat()
    }

    fn works(&self, config: &LdapConfig, server: usize) {
        if self.failed.lock()[server].take().is_some() {
            tracing::info!(
                directory = config.name,
                server = config.servers[server],
                "the server answers again"
            );
        }
    }

    /// Notes it, and says so once until it works again.
    fn fails(&self, config: &LdapConfig, server: usize, trouble: &Trouble) {
        let until = Instant::now() + PENALTY;
        if self.failed.lock()[server].replace(until).is_none() {
            let (directory, server, reason) =
                (&config.name, &config.servers[server], &trouble.text);
            tracing::warn!(directory, server, reason, "the server does not serve");
        }
    }
}
