//! directory: one connection to one domain controller, bound as the account. Asks; has no way to write.

use std::time::Duration;

use jiff::Timestamp;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, StdStream};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::advice::readable;
use super::codes::{bind_refusal, result_advice};
use super::error::DirectoryError;
use super::guard::{Ending, Guard};
use super::rejected::{RejectedPasswords, Resting};
use super::settings::{ConnectionSettings, ServerAddress, Timeouts};
use super::transport::{self, Transport};
use super::{AttributeName, Dn, Guid, RawEntry, Replica, replication};

const INVALID_CREDENTIALS: u32 = 49;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

const DEFAULT_NAMING_CONTEXT: AttributeName = AttributeName::from_lower_case("defaultnamingcontext");
const DS_SERVICE_NAME: AttributeName = AttributeName::from_lower_case("dsservicename");
const HIGHEST_COMMITTED_USN: AttributeName = AttributeName::from_lower_case("highestcommittedusn");
const REPL_UP_TO_DATE_VECTOR: AttributeName = AttributeName::from_lower_case("repluptodatevector");
const INVOCATION_ID: AttributeName = AttributeName::from_lower_case("invocationid");

/// One connection to one domain controller. What is asked is asked one after the other.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ldap: Ldap,
    pub(super) guard: Guard,
    pub(super) server: ServerAddress,
    pub(super) timeouts: Timeouts,
    /// The operation that runs now must be over by then.
    pub(super) deadline: Instant,
    pub(super) opened: Instant,
    pub(super) last_used: Instant,
    /// When the certificate that the controller showed ends.
    pub(super) certificate_expires: Option<Timestamp>,
    /// To strike it out of whatever the server says: a hostile one could send it back.
    password: SecretString,
    /// ldap3's half; ends with the connection.
    _driver: JoinSet<()>,
}

/// What a domain controller says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Root {
    pub(super) naming_context: Dn,
    pub(super) highest_usn: i64,
    pub(super) invocation_id: Guid,
}

impl Connection {
    /// Connects, encrypts and binds.
    pub(super) async fn open(
        settings: &ConnectionSettings,
        server: &ServerAddress,
        rejected: &RejectedPasswords,
    ) -> Result<Self, DirectoryError> {
        let Transport {
            stream,
            certificate_expires,
        } = transport::open(settings, server).await?;
        let lost = |source| DirectoryError::Keep {
            server: server.clone(),
            source,
        };
        let (guard, socket) = Guard::before(stream).map_err(lost)?;
        let ldap_settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(socket));
        let opened = LdapConnAsync::with_settings(ldap_settings, "ldapi:///").await;
        let (driver, ldap) = opened.map_err(|error| lost(error.into()))?;
        let mut drivers = JoinSet::new();
        drivers.spawn(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!(%error, "the LDAP connection ended");
            }
        });
        let now = Instant::now();
        let mut connection = Self {
            ldap,
            guard,
            server: server.clone(),
            timeouts: settings.timeouts,
            deadline: now + settings.timeouts.whole,
            opened: now,
            last_used: now,
            certificate_expires,
            password: settings.account.password.clone(),
            _driver: drivers,
        };
        connection.bind(settings, rejected).await?;
        tracing::debug!(server = %connection.server, "bound to a domain controller");
        Ok(connection)
    }

    /// Binds once. A refused password is remembered before anybody else may try it, and so is one without an answer.
    async fn bind(
        &mut self,
        settings: &ConnectionSettings,
        rejected: &RejectedPasswords,
    ) -> Result<(), DirectoryError> {
        let account = &settings.account;
        let attempt = rejected
            .attempt(&settings.domain, account)
            .await
            .map_err(|resting| bind_again(&account.username, &resting))?;
        let answer = self
            .ldap
            .with_timeout(self.timeouts.answer)
            .simple_bind(&account.username, account.password.expose_secret())
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let failure = self.unanswered_bind(error);
                return Err(match attempt.unanswered() {
                    Some(resting) => DirectoryError::AwaitBind {
                        source: Box::new(failure),
                        account: account.username.clone(),
                        retry_after: resting.until,
                    },
                    None => failure,
                });
            }
        };
        match answer.rc {
            0 => {
                attempt.accepted();
                Ok(())
            }
            INVALID_CREDENTIALS => {
                let refusal = bind_refusal(&answer.text);
                let resting = if refusal.counts {
                    Some(attempt.refused(&self.server))
                } else {
                    attempt.answered();
                    None
                };
                Err(DirectoryError::Bind {
                    server: self.server.clone(),
                    account: account.username.clone(),
                    refusal,
                    retry_after: resting.map(|resting| resting.until),
                })
            }
            _ => {
                attempt.answered();
                Err(self.answer(&answer))
            }
        }
    }

    fn unanswered_bind(&self, error: LdapError) -> DirectoryError {
        match self.failure(error, self.timeouts.answer) {
            DirectoryError::Keep { server, source } => DirectoryError::Greet { server, source },
            other => other,
        }
    }

    /// What the domain controller says of itself now.
    pub(super) async fn root(&mut self) -> Result<Root, DirectoryError> {
        let wanted = [DEFAULT_NAMING_CONTEXT, DS_SERVICE_NAME, HIGHEST_COMMITTED_USN];
        let root = self
            .entry("", &wanted.each_ref().map(AttributeName::as_str))
            .await?
            .unwrap_or_default();
        let lacks = |missing| DirectoryError::Recognize {
            server: self.server.clone(),
            missing,
        };
        let naming_context = root.text(&DEFAULT_NAMING_CONTEXT).and_then(|text| Dn::parse(text).ok());
        let naming_context = naming_context.ok_or_else(|| lacks("its domain (defaultNamingContext)"))?;
        let highest_usn = root.text(&HIGHEST_COMMITTED_USN).and_then(|text| text.parse().ok());
        let highest_usn = highest_usn.ok_or_else(|| lacks("its highestCommittedUSN"))?;
        let service = root
            .text(&DS_SERVICE_NAME)
            .ok_or_else(|| lacks("its identity (dsServiceName)"))?;
        let invocation_id = self.invocation_id(service).await?;
        Ok(Root {
            naming_context,
            highest_usn,
            invocation_id,
        })
    }

    /// The identity of the controller's database ([MS-ADTS] section 3.1.1.1.9).
    async fn invocation_id(&mut self, service: &str) -> Result<Guid, DirectoryError> {
        let service = self.entry(service, &[INVOCATION_ID.as_str()]).await?;
        let value = service
            .as_ref()
            .and_then(|service| service.values(&INVOCATION_ID).first());
        value
            .and_then(|value| Guid::from_ldap_bytes(value))
            .ok_or_else(|| DirectoryError::Recognize {
                server: self.server.clone(),
                missing: "its invocationId, which every authenticated account may read",
            })
    }

    /// What the domain controller has of others' changes to a naming context. Nothing, where it doesn't say.
    pub(super) async fn replicas(&mut self, naming_context: &Dn) -> Result<Vec<Replica>, DirectoryError> {
        let entry = self
            .entry(naming_context.as_str(), &[REPL_UP_TO_DATE_VECTOR.as_str()])
            .await?;
        let vector = entry
            .as_ref()
            .and_then(|entry| entry.values(&REPL_UP_TO_DATE_VECTOR).first());
        Ok(vector.map(|vector| replication::parse(vector)).unwrap_or_default())
    }

    /// One entry by its DN; `None` when there is none that the account may see.
    pub(super) async fn entry(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<RawEntry>, DirectoryError> {
        self.search_base(dn, attributes, false).await
    }

    /// Says goodbye. Dropping a connection closes it as well, without manners.
    pub(super) async fn close(mut self) {
        let farewell = async {
            if self.ldap.with_timeout(FAREWELL).unbind().await.is_ok() {
                self.guard.finished().await;
            }
        };
        // Nothing is lost if it takes too long: the connection is dropped then.
        let _late = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// Whether the connection is over already.
    pub(super) fn is_over(&self) -> bool {
        self.guard.ending().is_some()
    }

    /// Turns an answer that is not a success into an error.
    pub(super) fn answer(&self, answer: &LdapResult) -> DirectoryError {
        DirectoryError::Answer {
            server: self.server.clone(),
            code: answer.rc,
            text: self.said(&answer.text),
            advice: result_advice(answer.rc),
        }
    }

    /// Turns what ldap3 noticed into what the guard knows to be the reason.
    pub(super) fn failure(&self, error: LdapError, waited: Duration) -> DirectoryError {
        let server = self.server.clone();
        match (self.guard.ending(), error) {
            (Some(Ending::Malformed(malformed)), _) => transport::misunderstood(&server, *malformed),
            (Some(Ending::Unasked), _) => DirectoryError::Follow {
                server,
                detail: "it answered something that was not asked",
            },
            (Some(Ending::NotAQuestion), _) => DirectoryError::Follow {
                server,
                detail: "something other than a bind or a search was about to be sent, and was not",
            },
            (Some(Ending::Disconnected { code, text }), _) => DirectoryError::StayConnected {
                server,
                code: *code,
                text: self.said(text),
            },
            (Some(Ending::Lost(source)), _) => DirectoryError::Keep {
                server,
                source: std::io::Error::new(source.kind(), source.to_string()),
            },
            (_, LdapError::Timeout { .. }) => DirectoryError::Await { server, waited },
            (_, error) => DirectoryError::Keep {
                server,
                source: error.into(),
            },
        }
    }

    /// What a server said, without what nobody may read.
    pub(super) fn said(&self, text: &str) -> String {
        readable(&text.replace(self.password.expose_secret(), "…"))
    }
}

/// A password that is left alone for now is not even sent.
pub(super) fn bind_again(username: &str, resting: &Resting) -> DirectoryError {
    let account = username.to_owned();
    let &Resting { since, until, .. } = resting;
    if resting.was_refused() {
        DirectoryError::BindAgain {
            account,
            refused_by: resting.refused_by().cloned(),
            rejected_at: since,
            retry_after: until,
        }
    } else {
        DirectoryError::BindInDoubt {
            account,
            tried_at: since,
            retry_after: until,
        }
    }
}
