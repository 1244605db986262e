//! The rules of the measurement, in the languages of all that decide: N teams, each of which may read the files of one
//! repository, and nobody who is suspended. The last word on what is right is [`Rules::asks`].

use serde_json::{Value, json};

/// Different callers in the load. Envoy's `jwt_authn` keeps 100 tokens in its cache by default.
const CALLERS: usize = 64;

/// Requests that every variant which decides is asked before anything is measured.
const ASKS: usize = 200;

/// Who issues tokens.
pub(crate) const ISSUER: &str = "https://issuer.bench.example";
/// For whom they are meant.
pub(crate) const AUDIENCE: &str = "https://gateway.bench.example";
/// The issuer's name in policies: a principal is `Agent::"bench/<sub>"`.
pub(crate) const ALIAS: &str = "bench";

/// So many policies of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) policies: usize,
}

/// The credential that a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    None,
    Good,
    /// As good, but signed by RS256.
    GoodRs256,
    Suspended,
    Expired,
    OtherIssuer,
    OtherAudience,
    /// Signed by a key that is not the issuer's, under the id of one that is.
    OtherKey,
    /// One character of the signature is another.
    Forged,
}

/// One question, and its right answer.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) credential: Credential,
    /// The team of the caller.
    pub(crate) team: usize,
    pub(crate) allowed: bool,
}

impl Rules {
    /// The Cedar schema.
    pub(crate) const SCHEMA: &str = "entity Team;\n\
        entity Agent in [Team] = { suspended: Bool };\n\
        entity Repository;\n\
        action read appliesTo { principal: Agent, resource: Repository };\n";

    /// The policies, as Cedar text.
    pub(crate) fn cedar(self) -> String {
        let policy = |n| {
            format!(
                "@id(\"p{n}\")\npermit (principal in Team::\"team-{n}\", action == Action::\"read\", \
                 resource == Repository::\"repo-{n}\")\nunless {{ principal.suspended }};\n"
            )
        };
        (0..self.policies).map(policy).collect()
    }

    /// The entities, as Cedar reads them.
    pub(crate) fn entities(self) -> Value {
        let entity = |kind: &str, id: String| json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": []});
        let teams = (0..self.policies).map(|n| entity("Team", format!("team-{n}")));
        teams.chain((0..self.policies).map(|n| entity("Repository", format!("repo-{n}")))).collect()
    }

    /// The policies for Envoy's `rbac` behind a `jwt_authn` that leaves its claims under `jwt`.
    pub(crate) fn rbac(self) -> Value {
        let policy = |n| {
            let path = format!("/repos/repo-{n}/files/");
            let policy = json!({
                "permissions": [{"and_rules": {"rules": [
                    {"header": {"name": ":method", "string_match": {"exact": "GET"}}},
                    {"url_path": {"path": {"prefix": path}}},
                ]}}],
                "principals": [member_of(n)],
            });
            (format!("p{n}"), policy)
        };
        Value::Object((0..self.policies).map(policy).collect())
    }

    /// The team of one of the callers of the load: spread over the policies.
    fn team(self, caller: usize) -> usize {
        if self.policies < CALLERS { caller % self.policies } else { (2 * caller + 1) * self.policies / (2 * CALLERS) }
    }

    /// The claims of the callers of the load, each with the path that it asks for.
    pub(crate) fn callers(self, now: u64) -> Vec<(Value, String)> {
        let caller = |caller| {
            let team = self.team(caller);
            (claims(&format!("agent-{caller}"), team, now), path(team))
        };
        (0..CALLERS).map(caller).collect()
    }

    /// The claims of the same callers, who are of every team, and all of the paths, of which each caller asks for one after the other.
    pub(crate) fn wanderers(self, now: u64) -> (Vec<Value>, Vec<String>) {
        let teams: Vec<_> = (0..self.policies).map(|team| format!("team-{team}")).collect();
        let caller = |(mut claims, _)| {
            set(&mut claims, "teams", json!(teams));
            claims
        };
        (self.callers(now).into_iter().map(caller).collect(), (0..self.policies).map(path).collect())
    }

    /// Questions of every kind; the same for the same number of policies.
    pub(crate) fn asks(self) -> Vec<Ask> {
        (0..ASKS).map(|number| self.ask(number)).collect()
    }

    fn ask(self, number: usize) -> Ask {
        use Credential::{Expired, Forged, Good, GoodRs256, None, OtherAudience, OtherIssuer, OtherKey, Suspended};
        // A step that has no divisor in common with the numbers of policies, so that it comes to all of them.
        let team = number * 7919 % self.policies;
        let other = (team + 1) % self.policies;
        let (credential, method, path) = match number % 20 {
            0..=6 => (Good, "GET", path(team)),
            7 => (GoodRs256, "GET", path(team)),
            8 => (Good, "GET", path(other)),
            9 => (GoodRs256, "GET", path(other)),
            10 => (Good, "PUT", path(team)),
            11 => (Good, "GET", format!("/repos/repo-{team}/branches/main")),
            12 => (Good, "GET", format!("/repos/repo-{}/files/a", self.policies)),
            13 => (Suspended, "GET", path(team)),
            14 => (Expired, "GET", path(team)),
            15 => (OtherIssuer, "GET", path(team)),
            16 => (OtherAudience, "GET", path(team)),
            17 => (OtherKey, "GET", path(team)),
            18 => (Forged, "GET", path(team)),
            _ => (None, "GET", path(team)),
        };
        Ask { method, path, credential, team, allowed: number % 20 <= 7 }
    }
}

/// The path of a file in the repository that a team may read.
pub(crate) fn path(team: usize) -> String {
    format!("/repos/repo-{team}/files/src/cart.rs")
}

/// For `rbac`: the caller is of a team, and not suspended.
pub(crate) fn member_of(team: usize) -> Value {
    let claim = |name: &str, value: Value| {
        json!({"metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "jwt"}, {"key": name}],
            "value": value,
        }})
    };
    let team = json!({"list_match": {"one_of": {"string_match": {"exact": format!("team-{team}")}}}});
    json!({"and_ids": {"ids": [claim("teams", team), claim("suspended", json!({"bool_match": false}))]}})
}

/// The claims of a good token; `now` in seconds since the epoch.
pub(crate) fn claims(subject: &str, team: usize, now: u64) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now - 5, "exp": now + 3600,
        "teams": [format!("team-{team}")], "suspended": false,
        // What identity providers put in besides.
        "scope": "repos:read tools:call", "azp": "agent-runtime", "sid": "0d9f6a3e-1a1c-4f0e-8a8f-3f1a5a0b7c11",
    })
}

impl Credential {
    /// The claims of the token, if it is one; `now` in seconds since the epoch.
    pub(crate) fn claims(self, team: usize, now: u64) -> Option<Value> {
        let mut claims = claims("asker", team, now);
        match self {
            Self::None => return None,
            Self::Good | Self::GoodRs256 | Self::OtherKey | Self::Forged => {}
            Self::Suspended => set(&mut claims, "suspended", json!(true)),
            Self::Expired => {
                set(&mut claims, "iat", json!(now - 7200));
                set(&mut claims, "exp", json!(now - 3600));
            }
            Self::OtherIssuer => set(&mut claims, "iss", json!("https://other.example")),
            Self::OtherAudience => set(&mut claims, "aud", json!("https://other.example")),
        }
        Some(claims)
    }
}

/// Changes one claim.
pub(crate) fn set(claims: &mut Value, name: &str, value: Value) {
    if let Some(claims) = claims.as_object_mut() {
        claims.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_caller_of_the_load_may_read_what_it_asks_for() {
        for policies in [10, 100, 1000, 10_000] {
            let rules = Rules { policies };
            for caller in 0..CALLERS {
                assert!(rules.team(caller) < policies);
            }
            assert!(policies < CALLERS || rules.team(0) != rules.team(CALLERS - 1));
        }
    }

    #[test]
    fn questions_have_both_answers_and_every_credential() {
        let asks = Rules { policies: 10 }.asks();
        assert_eq!(asks.len(), ASKS);
        let allowed = asks.iter().filter(|ask| ask.allowed).count();
        assert!(allowed * 4 > ASKS && allowed * 4 < 3 * ASKS, "{allowed}");
        let kinds: Vec<_> = asks.iter().map(|ask| ask.credential).collect();
        assert!(kinds.contains(&Credential::Forged) && kinds.contains(&Credential::None));
        assert!(asks.iter().all(|ask| !ask.allowed || ask.path == path(ask.team)));
    }
}
