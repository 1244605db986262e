//! The gateway: one configuration, and the request path over it.

use crate::bundle::{ActiveBundle, Container, Expectation};
use crate::configuration::{Configuration, DecisionLog};
use crate::decision_id::DecisionIds;
use crate::error::ConfigError;
use crate::header_map::HeaderMap;
use crate::host::Host;
use crate::outcome::{Outcome, ReplyBuffer, Unavailable};
use crate::verdict::{Action, PolicyNames, Verdict};

/// What arrives before a request's body.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// All headers, with `:method`, `:path` and `:authority`.
    pub headers: HeaderMap<'a>,
}

/// One configuration with its bundle, and the buffers of one worker.
#[derive(Debug)]
pub struct Gateway {
    bundle: ActiveBundle,
    decision_log: Vec<DecisionLog>,
    decision_ids: DecisionIds,
    reply: ReplyBuffer,
    record: String,
}

impl Gateway {
    /// Reads a configuration, verifies its bundle and opens it: all or nothing.
    ///
    /// # Errors
    ///
    /// When anything in the configuration or the bundle is not as it must be. Nothing has changed then.
    pub fn configure(configuration: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let configuration = Configuration::parse(configuration)?;
        let expectation = Expectation {
            channel: configuration.channel.as_deref(),
            min_version: configuration.min_version,
            now_seconds: host.now_nanos() / 1_000_000_000,
        };
        let bundle =
            Container::read(&configuration.bundle)?.verify(&configuration.trust)?.accept(&expectation)?.open()?;
        Ok(Self {
            bundle,
            decision_log: configuration.decision_log,
            decision_ids: DecisionIds::new(host),
            reply: ReplyBuffer::default(),
            record: String::new(),
        })
    }

    /// The bundle that decides.
    #[must_use]
    pub fn bundle(&self) -> &ActiveBundle {
        &self.bundle
    }

    /// Where decision records go.
    #[must_use]
    pub fn decision_log(&self) -> &[DecisionLog] {
        &self.decision_log
    }

    /// Decides one request.
    pub fn decide<'a>(&'a mut self, request: &RequestHead<'a>, host: &mut dyn Host) -> Verdict<'a> {
        let _ = request;
        self.refuse(Outcome::Unavailable(Unavailable::BundleMissing), host)
    }

    /// Denies a request that never got as far as [`Gateway::decide`], such as one whose headers the host could not
    /// hand over ([`Outcome::Malformed`]). An outcome that allows denies all the same.
    pub fn refuse<'a>(&'a mut self, outcome: Outcome, host: &mut dyn Host) -> Verdict<'a> {
        let started = host.now_nanos();
        let decision_id = self.decision_ids.next(started);
        self.record.clear();
        Verdict {
            action: Action::Reply(self.reply.write(outcome, decision_id)),
            outcome,
            decision_id,
            effect: None,
            policies: PolicyNames::default(),
            errors: PolicyNames::default(),
            record: &self.record,
            micros: host.now_nanos().saturating_sub(started) / 1000,
        }
    }
}
