//! One worker's part in keeping keys fresh.

use super::event::KeyEvent;
use super::issuer_keys::IssuerKeys;
use super::misses::Misses;
use super::post::{Post, remote};
use crate::bundle::Digest;
use crate::chance::Chance;
use crate::error::ConfigError;
use crate::feed::{ClusterNames, FetchHost, FetchResponse, Turn};
use crate::limits;
use crate::token::{Issuer, IssuerIndex, IssuerTable};

/// Looks after the keys of every issuer that has them fetched.
#[derive(Debug)]
pub(crate) struct Poller {
    /// This worker's name in ledgers; by chance, and not 0.
    owner: u64,
    chance: Chance,
    posts: Vec<Post>,
    misses: Misses,
}

/// What a call may change besides the poller itself.
pub(crate) struct Desk<'a> {
    pub(crate) issuers: &'a mut IssuerTable,
    pub(crate) host: &'a mut dyn FetchHost,
    pub(crate) events: &'a mut Vec<KeyEvent>,
    /// The issuers whose keys are not what they were: what was verified by the old ones is to be forgotten.
    pub(crate) changed: &'a mut Vec<IssuerIndex>,
}

impl Poller {
    /// For the issuers of a bundle.
    ///
    /// # Errors
    ///
    /// [`ConfigError::JwksCluster`] when there is an issuer to whose keys no cluster leads.
    pub(crate) fn new(
        issuers: &IssuerTable,
        clusters: &ClusterNames,
        bundle: Digest,
        random: u64,
    ) -> Result<Self, ConfigError> {
        let mut posts = Vec::new();
        for (index, issuer) in issuers.iter() {
            let IssuerKeys::Remote(keys) = &issuer.terms.keys else { continue };
            let Some(cluster) = clusters.find(&issuer.alias, keys.uri.host()) else {
                return Err(ConfigError::JwksCluster {
                    issuer: issuer.alias.clone(),
                    host: keys.uri.host().to_owned(),
                });
            };
            posts.push(Post::new(index, &issuer.alias, cluster, bundle));
        }
        Ok(Self { owner: random.max(1), chance: Chance::new(random), posts, misses: Misses::default() })
    }

    /// Whether there is anything to look after.
    pub(crate) fn is_idle(&self) -> bool {
        self.posts.is_empty()
    }

    /// Opens a ledger for each issuer that has none, and takes what other workers have fetched. Fetches nothing: a
    /// configuration that is only tried out does not ask anybody for keys.
    ///
    /// Ledgers are opened here, before any worker polls, because hosts cannot say "only if there is none yet": of two workers
    /// that open one, the slower wipes out what the other wrote.
    pub(crate) fn join(&mut self, desk: &mut Desk<'_>) {
        self.posts.iter_mut().filter(|post| !post.is_left).for_each(|post| post.join(desk));
    }

    /// Takes over the keys that another bundle or configuration has for the same issuers, where they are newer, so that a new
    /// bundle does not begin without. The same are those with an alias, a profile, a URL and a cluster in common. Returns
    /// the issuers whose keys are not what they were.
    pub(crate) fn inherit(
        &self,
        issuers: &mut IssuerTable,
        other: &Self,
        other_issuers: &IssuerTable,
    ) -> Vec<IssuerIndex> {
        let mut changed = Vec::new();
        for post in &self.posts {
            let known = other.counterpart(post, other_issuers);
            let (Some(issuer), Some(known)) = (issuers.get_mut(post.issuer), known) else { continue };
            if let (IssuerKeys::Remote(keys), IssuerKeys::Remote(fetched)) = (&mut issuer.terms.keys, &known.terms.keys)
                && issuer.profile == known.profile
                && keys.inherit(fetched)
            {
                changed.push(post.issuer);
            }
        }
        changed
    }

    /// Leaves to another poller the issuers whose keys [`Poller::inherit`] takes over from it, and looks after the others.
    pub(crate) fn leave_to(&mut self, other: &Self, issuers: &IssuerTable, other_issuers: &IssuerTable) {
        for post in &mut self.posts {
            let known = other.counterpart(post, other_issuers);
            post.is_left = issuers.get(post.issuer).zip(known).is_some_and(|(issuer, known)| {
                let (ours, theirs) = (remote(issuer), remote(known));
                issuer.profile == known.profile && ours.zip(theirs).is_some_and(|(ours, theirs)| ours.uri == theirs.uri)
            });
        }
    }

    /// The issuer that is of the same name for a post of another poller, and whose keys come the same way.
    fn counterpart<'i>(&self, post: &Post, issuers: &'i IssuerTable) -> Option<&'i Issuer> {
        let known = self.posts.iter().find(|known| known.alias == post.alias && known.cluster == post.cluster)?;
        issuers.get(known.issuer)
    }

    /// Whether a response is to a fetch of this worker's.
    pub(crate) fn waits_for(&self, call: u32) -> bool {
        self.posts.iter().any(|post| post.waits_for(call))
    }

    /// Notes that a token named a key that the issuer does not have.
    pub(crate) fn missed(&mut self, issuer: Option<&str>, kid: Option<&str>, issuers: &IssuerTable, now_ms: u64) {
        let Some((position, post)) =
            self.posts.iter_mut().enumerate().find(|(_, post)| Some(post.alias.as_str()) == issuer)
        else {
            return;
        };
        let cooldown_ms = issuers.get(post.issuer).and_then(remote).map_or(0, |keys| keys.pace.cooldown_ms);
        if self.misses.is_news(position, kid, cooldown_ms, now_ms) {
            post.wanted_ms = Some(now_ms);
        }
    }

    /// Takes what other workers have fetched, and fetches what is due and nobody else is fetching.
    pub(crate) fn poll(&mut self, desk: &mut Desk<'_>) {
        for position in 0..self.posts.len() {
            let turn = self.turn(desk);
            if let Some(post) = self.posts.get_mut(position).filter(|post| !post.is_left) {
                post.poll(turn, desk);
            }
        }
    }

    /// Takes the response to a fetch. One that nobody waits for is ignored.
    pub(crate) fn respond(&mut self, call: u32, response: FetchResponse<'_>, desk: &mut Desk<'_>) {
        let turn = self.turn(desk);
        if let Some(post) = self.posts.iter_mut().find(|post| post.waits_for(call)) {
            post.respond(response, turn, desk);
        }
    }

    fn turn(&mut self, desk: &mut Desk<'_>) -> Turn {
        Turn { owner: self.owner, jitter: self.chance.draw(), now_ms: desk.host.now_nanos() / 1_000_000 }
    }

    /// The age of each issuer's keys, in seconds; `None` for an issuer that has none.
    pub(crate) fn ages<'a>(
        &'a self,
        issuers: &'a IssuerTable,
        now_ms: u64,
    ) -> impl Iterator<Item = (&'a str, Option<u64>)> {
        self.posts.iter().map(move |post| {
            let age = issuers.get(post.issuer).and_then(remote).and_then(|keys| keys.age_ms(now_ms));
            (post.alias.as_str(), age.map(|age| age / 1000))
        })
    }

    /// How soon to poll again, in milliseconds: often while there is an issuer without keys, else a few times in the time that
    /// keys are fresh.
    pub(crate) fn period_ms(&self, issuers: &IssuerTable) -> u32 {
        let of = |post: &Post| {
            let keys = issuers.get(post.issuer).and_then(remote)?;
            let period = keys.age_ms(0).map_or(0, |_| keys.pace.fresh_for_ms / 20);
            Some(u32::try_from(period).unwrap_or(u32::MAX))
        };
        let shortest = self.posts.iter().filter(|post| !post.is_left).filter_map(of).min().unwrap_or(u32::MAX);
        shortest.clamp(limits::JWKS_POLL_MIN_MS, limits::JWKS_POLL_MS)
    }
}
