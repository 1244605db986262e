//! Every bound of the request path, with its unit, its reason and its source.
//!
//! A bound that is not here does not exist: code that reads hostile bytes names one of these constants.

/// Longest compact token, in bytes. Eight KiB hold an RS256 token with a generous claim set and stay under the
/// header limits of common proxies.
pub const TOKEN_BYTES: usize = 8 * 1024;

/// The most heap that verifying a token takes, as a multiple of its length, besides a few KiB: what a hostile client can make a worker
/// hold with one header. A list of lists of numbers is the worst; `benches/tests/tokens.rs` counts.
pub const TOKEN_HEAP_FACTOR: usize = 64;

/// Longest decoded JOSE header, in bytes. A header is a handful of short members.
pub const JOSE_HEADER_BYTES: usize = 2 * 1024;

/// Longest `kid`, in bytes. It is attacker input that is only ever compared.
pub const KID_BYTES: usize = 256;

/// Deepest nesting of arrays and objects in a token; recursion is bounded by it.
pub const TOKEN_JSON_DEPTH: usize = 16;

/// Most values (members and elements together) in one part of a token (our own choice is at most 128
/// members; elements of arrays count here too, so a group claim has room).
pub const TOKEN_JSON_VALUES: usize = 512;

/// Most members of one JSON object in a token. It also bounds the search for duplicates.
pub const TOKEN_JSON_MEMBERS: usize = 128;

/// Longest JSON string in a token, in bytes after unescaping.
pub const TOKEN_JSON_STRING_BYTES: usize = 4 * 1024;

/// Largest NumericDate, exclusive, in seconds: 2^53, where doubles stop being exact.
pub const NUMERIC_DATE_SECONDS: u64 = 1 << 53;

/// Largest clock skew an issuer may configure, in seconds.
pub const CLOCK_SKEW_SECONDS: u64 = 120;

/// Longest token lifetime an issuer may configure, in seconds: one day. Workload credentials are short-lived.
pub const TOKEN_LIFETIME_SECONDS: u64 = 24 * 60 * 60;

/// Smallest RSA modulus, in bits (RFC 7518 §3.3).
pub const RSA_MIN_BITS: usize = 2048;

/// Largest RSA modulus, in bits. Verification cost grows with its square.
pub const RSA_MAX_BITS: usize = 8192;

/// Deepest nesting in a JWK Set: the set, its array, a key, and a member of it with a few levels to spare.
pub const JWKS_JSON_DEPTH: usize = 8;

/// Most values (members and elements together) in a JWK Set: [`JWKS_KEYS`] keys with certificate chains.
pub const JWKS_JSON_VALUES: usize = 4096;

/// Most members of one JWK. RFC 7517 and RFC 7518 define about twenty.
pub const JWK_MEMBERS: usize = 64;

/// Longest string in a JWK Set, in bytes: a certificate in `x5c` can have several KiB.
pub const JWKS_JSON_STRING_BYTES: usize = 16 * 1024;

/// Most keys in one JWK Set. Issuers publish a handful; the bound keeps `kid` lookups short.
pub const JWKS_KEYS: usize = 100;

/// Largest JWK Set that is fetched, in bytes: [`JWKS_KEYS`] RSA keys with certificates of a few KiB.
pub const JWKS_BYTES: usize = 512 * 1024;

/// Longest URL of a JWK Set or a status list, in bytes.
pub const DOCUMENT_URI_BYTES: usize = 2048;

/// Default age before which fetched keys are fetched anew, in seconds; Envoy's own `jwt_authn` has the same.
pub const JWKS_FRESH_SECONDS: u64 = 10 * 60;

/// Default age at which keys that could not be fetched anew verify nothing, in seconds.
pub const JWKS_STALE_SECONDS: u64 = 60 * 60;

/// Default time in which tokens with unknown keys cause at most one fetch, in seconds.
pub const JWKS_COOLDOWN_SECONDS: u64 = 30;

/// Largest age that a bundle may give fetched keys, fresh or stale, in seconds: one day. A removed key works until then at the
/// longest.
pub const JWKS_MAX_SECONDS: u64 = 24 * 60 * 60;

/// Shortest time between two fetches that a SPIFFE bundle may ask for, in seconds, unless the policy bundle asks for less.
pub const JWKS_HINT_SECONDS: u64 = 30;

/// Largest status list token, in bytes: a few hundred thousand revoked tokens among many millions, and base64 twice.
pub const STATUS_TOKEN_BYTES: usize = 1024 * 1024;

/// Largest status list when it is inflated, in bytes: 32 million tokens at one bit each. A list that revokes nobody has DEFLATE's
/// best ratio, a thousand to one, so the ratio says nothing and this is the bound. Inflating as much takes a worker about
/// 10 milliseconds.
pub const STATUS_LIST_BYTES: usize = 4 * 1024 * 1024;

/// Most status lists that a worker keeps. Servers give out tokens by the million for each.
pub const STATUS_LISTS: usize = 256;

/// Most bytes of all status lists that a worker keeps, their tokens and what is in them.
pub const STATUS_LISTS_BYTES: usize = 32 * 1024 * 1024;

/// Most places of status lists of one issuer.
pub const STATUS_URIS: usize = 64;

/// Default age before which status lists are fetched anew, in seconds: how soon a revocation is seen.
pub const STATUS_FRESH_SECONDS: u64 = 5 * 60;

/// Default age at which a status list that could not be fetched anew says nothing, in seconds.
pub const STATUS_STALE_SECONDS: u64 = 60 * 60;

/// Largest age that a bundle may give status lists, fresh or stale, in seconds: one day.
pub const STATUS_MAX_SECONDS: u64 = 24 * 60 * 60;

/// Shortest time between two fetches that the `ttl` of a status list may ask for, in seconds, unless the policy bundle asks for less.
pub const STATUS_TTL_SECONDS: u64 = 30;

/// For how long a status list is kept that nobody asks about, in seconds: no token that names it lives longer.
pub const STATUS_IDLE_SECONDS: u64 = TOKEN_LIFETIME_SECONDS;

/// How long a fetch of keys, or of a status list, may take, in milliseconds.
pub const JWKS_TIMEOUT_MS: u32 = 5_000;

/// How long a worker's claim to a fetch holds unless it is renewed, in milliseconds. Should the worker end meanwhile, another one
/// fetches after this time.
pub const FEED_LEASE_MS: u64 = 10_000;

/// First delay after a failed fetch, in milliseconds. It doubles with each failure.
pub const FEED_BACKOFF_MS: u64 = 1_000;

/// Longest delay after a failed fetch, in milliseconds.
pub const FEED_BACKOFF_MAX_MS: u64 = 60_000;

/// Default time between two fetches of a file, in seconds, from a server that does not wait.
pub const FEED_INTERVAL_SECONDS: u64 = 10;

/// Longest such time, in seconds.
pub const FEED_INTERVAL_MAX_SECONDS: u64 = 3600;

/// Default time that a server may wait for something new, in seconds. Load balancers cut idle connections after a minute.
pub const FEED_WAIT_SECONDS: u32 = 30;

/// Longest such time, in seconds.
pub const FEED_WAIT_MAX_SECONDS: u32 = 300;

/// How often a worker tells its host what it counted, in milliseconds.
pub const METRICS_PERIOD_MS: u32 = 1_000;

/// After how many decisions it does so at once.
pub const METRICS_BATCH: usize = 128;

/// How often a worker looks after files, in milliseconds; more often where they are fetched every few seconds.
pub const FEED_POLL_MS: u32 = 1_000;

/// Shortest such time, in milliseconds.
pub const FEED_POLL_MIN_MS: u32 = 100;

/// How much of a bundle a worker digests between two requests, in bytes: some milliseconds in V8.
pub const OPENING_STEP_BYTES: usize = 512 * 1024;

/// How soon it goes on, in milliseconds.
pub const OPENING_STEP_MS: u32 = 10;

/// Most records of differences between the bundle that decides and a candidate that a worker writes in a second. All of them
/// are counted.
pub const CANDIDATE_SAMPLES: u32 = 5;

/// Most policies by which a worker counts differences between the two, as long as it lives; those after them are counted together. A
/// proxy keeps each statistic for as long as it runs.
pub const CANDIDATE_POLICIES: usize = 512;

/// Longest path of the canary route, in bytes.
pub const STATUS_PATH_BYTES: usize = 256;

/// Default time between two status reports that say nothing new, in seconds.
pub const REPORT_INTERVAL_SECONDS: u64 = 60;

/// Shortest such time, in seconds.
pub const REPORT_INTERVAL_MIN_SECONDS: u64 = 5;

/// The least time between two status reports of a proxy, in milliseconds: a new bundle reaches its workers within a second, and is two
/// reports at most.
pub const REPORT_COOLDOWN_MS: u64 = 2_000;

/// How often a worker says what decides in it where other workers can read it, in milliseconds, if that is nothing new.
pub const REPORT_HEARTBEAT_MS: u64 = 10_000;

/// A worker that has not said so for this long has ended, in milliseconds.
pub const REPORT_SILENCE_MS: u64 = 3 * REPORT_HEARTBEAT_MS;

/// Most workers that are told apart, which is more than machines have; further ones take the place of others.
pub const REPORT_WORKERS: usize = 256;

/// Most groups of workers in a status report: in a change there are two or three.
pub const REPORT_GROUPS: usize = 8;

/// Largest status report, in bytes. Usual ones have about one thousand.
pub const REPORT_BYTES: usize = 8 * 1024;

/// Longest name in a status report, in bytes.
pub const REPORT_NAME_BYTES: usize = 256;

/// Longest code in a status report, in bytes.
pub const REPORT_CODE_BYTES: usize = 64;

/// How long a fetch of a file may take, in milliseconds, besides the time for which its server was asked to wait.
pub const FEED_TIMEOUT_MS: u32 = 10_000;

/// How soon a server that waits for something new is asked again, in milliseconds.
pub const FEED_AGAIN_MS: u64 = 500;

/// A server that has nothing new after less than this has not waited, whatever it says; in milliseconds.
pub const FEED_HELD_MS: u64 = 1_000;

/// How often a worker looks for a document that another one has announced. It comes with the announcement, or at the next look.
pub const FEED_LOOKS: u32 = 16;

/// Longest entity tag that is remembered, in bytes. Servers use a digest, or a time and a size.
pub const ETAG_BYTES: usize = 256;

/// Most unknown key ids that a worker remembers, so that one of them alone asks for a fetch only once in a while.
pub const JWKS_MISSES: usize = 1024;

/// Most entries of `jwks_clusters`, and of `status_list_clusters`.
pub const CLUSTER_NAMES: usize = 1024;

/// How often a worker looks after fetched keys, in milliseconds.
pub const JWKS_POLL_MS: u32 = 1_000;

/// How often it looks while there is an issuer without keys, or one whose keys must be fetched every few seconds.
pub const JWKS_POLL_MIN_MS: u32 = 100;

/// Most issuers in a bundle. They are searched by string on each token cache miss.
pub const ISSUERS: usize = 256;

/// Most audiences of one issuer.
pub const AUDIENCES: usize = 64;

/// Longest name of a SPIFFE trust domain, in bytes (SPIFFE-ID §2.1).
pub const TRUST_DOMAIN_BYTES: usize = 255;

/// Longest principal id claim, in bytes: SPIFFE asks verifiers to accept 2048.
pub const PRINCIPAL_ID_BYTES: usize = 2048;

/// Most attributes of a principal, context entries of a route, or fields of a record type.
pub const ATTRIBUTES: usize = 64;

/// Most rights that the `authorization_details` of a token may give one attribute: the product of each item's lists, added
/// up. A token with more of them denies.
pub const AUTHORIZATION_RIGHTS: usize = 256;

/// Most actors that an issuer may let its tokens name. Each is asked about separately.
pub const ACTORS: usize = 8;

/// Most parents a token may give its principal.
pub const PARENTS: usize = 128;

/// Deepest nesting of an attribute type, or steps of a claim path.
pub const ATTRIBUTE_DEPTH: usize = 8;

/// Most distinct (claim path, type) pairs that the routes of a bundle read; each is kept with every cached token.
pub const CLAIM_SLOTS: usize = 256;

/// Most routes in a bundle. Opening compares overlapping routes pairwise, on Envoy's event loop.
pub const ROUTES: usize = 16 * 1024;

/// Longest method of a route, in bytes. The longest registered one has 17.
pub const METHOD_BYTES: usize = 32;

/// Most segments of a path template; also bounds the depth of the route trie.
pub const TEMPLATE_SEGMENTS: usize = 32;

/// Longest request path with its query, in bytes. Envoy's default limit for all headers is 60 KiB.
pub const PATH_BYTES: usize = 8 * 1024;

/// Most segments of a request path.
pub const PATH_SEGMENTS: usize = 128;

/// Most `key=value` pairs in a query that a route reads.
pub const QUERY_PAIRS: usize = 256;

/// Longest text taken from a path, query or header into a Cedar value, in bytes.
pub const CONTEXT_TEXT_BYTES: usize = 4 * 1024;

/// Longest host name, in bytes (RFC 1035 §2.3.4 allows 255).
pub const HOST_BYTES: usize = 255;

/// Default number of cached verified tokens.
pub const TOKEN_CACHE_ENTRIES: usize = 4096;

/// Largest number of cached verified tokens that may be configured.
pub const TOKEN_CACHE_MAX_ENTRIES: usize = 64 * 1024;

/// Largest entry of the cache of verified tokens, token and identity together, in approximate bytes of heap. With the default
/// number of entries the cache stays below 48 MiB; a token above it is verified on each request.
pub const TOKEN_CACHE_ENTRY_BYTES: usize = 12 * 1024;

/// Most answers of the policies that are kept with a cached token.
pub const MEMO_ANSWERS: usize = 4;

/// Largest answer that is kept, with its question, in bytes. With the default number of tokens all answers stay below 16 MiB; a
/// larger one is worked out for each request.
pub const MEMO_ANSWER_BYTES: usize = 1024;

/// Most bindings of sessions that are remembered.
pub const SESSION_BINDINGS: usize = 256;

/// Longest names, of server and caller together, whose binding is remembered, in bytes.
pub const SESSION_BINDING_BYTES: usize = 1024;

/// Longest proof of possession, in bytes: a header with an RSA key of 4096 bits, and a signature by it, fit.
pub const PROOF_BYTES: usize = 4 * 1024;

/// Longest `jti` of a proof, in bytes. RFC 9449 §4.2 asks for 96 random bits, draft-ietf-wimse-wpt for 128.
pub const PROOF_JTI_BYTES: usize = 512;

/// Longest time after its `iat` for which a DPoP proof may be accepted, in seconds. Each proof is remembered for it.
pub const DPOP_MAX_AGE_SECONDS: u64 = 300;

/// Longest time for which a workload proof token may still be valid, in seconds. Its draft says "minutes or seconds".
pub const WORKLOAD_PROOF_SECONDS: u64 = 300;

/// Most headers that a workload proof token covers, or has to cover. Each is looked for among all headers.
pub const COVERED_HEADERS: usize = 16;

/// How long one DPoP nonce is given out, in seconds; it is accepted for as long again.
pub const DPOP_NONCE_SECONDS: u64 = 60;

/// Default number of used proofs that the workers of a proxy remember together: a thousand requests a second for the minute that
/// a proof is accepted. An entry takes 24 bytes and buckets have twice their share of room, so all of them together
/// take at most 3 MiB of the host's memory.
pub const REPLAY_ENTRIES: usize = 64 * 1024;

/// Largest number of remembered proofs that may be configured: at most 48 MiB.
pub const REPLAY_MAX_ENTRIES: usize = 1024 * 1024;

/// Buckets that used proofs are kept in. The host copies one in and out for each proof: about a microsecond when it is full by
/// the default. Never changes, or workers of two versions would not find each other's proofs.
pub const REPLAY_BUCKETS: u16 = 1024;

/// Most used proofs in one bucket: twice its share of [`REPLAY_MAX_ENTRIES`].
pub const REPLAY_BUCKET_ENTRIES: usize = 2 * 1024;

/// How often a proof is written into its bucket while other workers write there, too. Each time another worker got its own
/// through, so with as many tries as that the host is broken.
pub const REPLAY_ATTEMPTS: usize = 32;

/// Most origins under which clients know the gateway.
pub const ORIGINS: usize = 64;

/// Most protected resources of a bundle. Each challenge looks through them.
pub const RESOURCES: usize = 64;

/// Most scopes of a resource or a route.
pub const SCOPES: usize = 64;

/// Longest scope, in bytes.
pub const SCOPE_BYTES: usize = 256;

/// Largest plugin configuration, in bytes. An inline bundle is the bulk of it.
pub const CONFIGURATION_BYTES: usize = 48 * 1024 * 1024;

/// Largest bundle container, in bytes. Ten thousand policies compile to a few MiB.
pub const BUNDLE_BYTES: usize = 32 * 1024 * 1024;

/// How far the time at which a bundle was built may lie in the future, in seconds: what clocks that are looked after differ. Beyond it, a
/// clock is wrong, and no bundle is believed.
pub const BUNDLE_SKEW_SECONDS: u64 = 120;

/// Most bundles that are kept, besides the one that decides, for requests whose bodies are awaited. Should clients dawdle for longer
/// than this many new bundles, their requests are judged by the one that decides.
pub const RETIRED_GENERATIONS: usize = 4;

/// Largest manifest, in bytes. It lists sections and source files.
pub const MANIFEST_BYTES: usize = 1024 * 1024;

/// Largest revocation list with its envelope, in bytes: [`REVOCATIONS`] entries of some hundred bytes, in base64.
pub const REVOCATIONS_BYTES: usize = 24 * 1024 * 1024;

/// Up to so many bytes, a revocation list is opened when it arrives, and not piece by piece: some thousand entries.
pub const REVOCATIONS_SMALL_BYTES: usize = 256 * 1024;

/// Longest head of a revocation list, in bytes: all but its entries.
pub const REVOCATIONS_HEAD_BYTES: usize = 2 * 1024;

/// Most entries of a revocation list. An open one takes 80 bytes of memory for each at most.
pub const REVOCATIONS: usize = 128 * 1024;

/// Most entries of a list that are opened at one time, between requests: some milliseconds of a worker in Envoy.
pub const REVOCATIONS_STEP: usize = 1024;

/// Longest issuer or id of an entry, in bytes: whatever a principal's id can be.
pub const REVOCATION_TEXT_BYTES: usize = PRINCIPAL_ID_BYTES;

/// Longest note of an entry, in bytes.
pub const REVOCATION_NOTE_BYTES: usize = 256;

/// Most signatures on a bundle, and most keys that may be trusted.
pub const BUNDLE_SIGNATURES: usize = 16;

/// How often a signature that does not say whose it is gets tried with a trusted key, for one document. Each is a verification,
/// a millisecond at the worst.
pub const SIGNATURE_ATTEMPTS: usize = 64;

/// Longest signature in a signed document, in bytes: ES256 in DER form has up to 72.
pub const SIGNATURE_BYTES: usize = 128;

/// Longest key hint or payload type in a signed document, in bytes.
pub const SIGNED_TEXT_BYTES: usize = 256;

/// How much of a large signed document is decoded and digested at one time, between requests, in bytes of base64; once for the document
/// and once for each signature: some milliseconds of a worker in Envoy.
pub const SIGNED_STEP_BYTES: usize = 512 * 1024;

/// Largest freshness document, in bytes: five short members, and [`BUNDLE_SIGNATURES`] signatures over them.
pub const FRESHNESS_BYTES: usize = 16 * 1024;

/// Longest life of a freshness document, in seconds: 31 days, about what bundles have without one.
pub const FRESHNESS_MAX_SECONDS: u64 = 31 * 24 * 60 * 60;

/// Largest root document, in bytes: four roles with [`BUNDLE_SIGNATURES`] keys each, and as many signatures.
pub const ROOT_BYTES: usize = 64 * 1024;

/// Most roots that are followed at once. A root a week makes this many in twenty years.
pub const ROOT_STEPS: usize = 1024;

/// How often the mark of the newest bundle is written while other workers write it, too. Each time another worker got its own
/// through, so with as many tries as that the host is broken.
pub const MARK_ATTEMPTS: usize = 32;

/// Most source files named by a manifest.
pub const MANIFEST_SOURCES: usize = 4096;

/// Longest bundle or channel name, in bytes.
pub const NAME_BYTES: usize = 128;

/// Longest untrusted string in a decision record, in bytes before escaping; longer ones are cut and marked.
pub const RECORD_STRING_BYTES: usize = 512;

/// Most policy ids listed in a decision record; the rest are counted.
pub const RECORD_POLICIES: usize = 32;

/// Default for the largest request body of a route that reads bodies, in bytes: Envoy's own default for buffering.
pub const BODY_BYTES: u32 = 1024 * 1024;

/// Largest body limit that a route may set, in bytes. Each request in flight may hold as much.
pub const BODY_MAX_BYTES: u32 = 16 * 1024 * 1024;

/// Deepest nesting of arrays and objects in a request body. Tool arguments have a handful of levels.
pub const BODY_JSON_DEPTH: usize = 64;

/// Most values and member names in a request body: room for an embedding or two, and 20 bytes of memory for each.
pub const BODY_JSON_VALUES: usize = 32 * 1024;

/// Most members of one object in a request body. Each new name is compared with those before.
pub const BODY_JSON_MEMBERS: usize = 256;

/// Longest number in a request body, in bytes. A double needs 24, a 128-bit integer 40.
pub const BODY_JSON_NUMBER_BYTES: usize = 64;

/// Default for the largest answer of a route that is filtered, or the largest event of one, in bytes: Envoy's own default for
/// buffering.
pub const ANSWER_BYTES: u32 = 1024 * 1024;

/// Largest answer limit that a route may set, in bytes. Each answer in flight may hold as much.
pub const ANSWER_MAX_BYTES: u32 = 16 * 1024 * 1024;

/// Most values and member names in an answer: some thousand tools with their schemas, and 16 bytes of memory for each.
pub const ANSWER_JSON_VALUES: usize = 256 * 1024;

/// Most names of hidden items in a decision record; the rest are counted.
pub const RECORD_HIDDEN: usize = 16;

/// Most messages in one batch. Each is a decision.
pub const BATCH_MESSAGES: usize = 32;

/// Most decisions that one body may ask for, subscriptions included.
pub const BODY_CALLS: usize = 64;

/// Longest id of a JSON-RPC request, in bytes with its quotes. It is echoed in a denial.
pub const RPC_ID_BYTES: usize = 1024;

/// Longest name, URI or task id that a method is about, in bytes.
pub const SUBJECT_BYTES: usize = 4 * 1024;

/// How often workers try to tell each other that a tool is not what was approved. Lists come again.
pub const DRIFT_ATTEMPTS: usize = 8;

/// Most tools that one route knows, and most methods.
pub const TOOLS: usize = 4096;

/// Most web origins that one route lets call.
pub const WEB_ORIGINS: usize = 64;

/// Most headers that repeat arguments of one tool.
pub const PARAM_HEADERS: usize = 32;

/// Longest name that is repeated to the client in the wording of a denial, in bytes.
pub const WORDING_BYTES: usize = 128;

/// Longest sentence of a policy's author about what would cure a denial, in bytes. Models read it with every refusal.
pub const ADVICE_BYTES: usize = 512;

/// Longest URL for push notifications, in bytes: what servers and proxies take.
pub const PUSH_URL_BYTES: usize = 2 * 1024;

/// Most places that one route lets push notifications go to.
pub const PUSH_TARGETS: usize = 256;

/// Most entries of a list that a message brings to the context: extensions, tasks that it refers to, media types.
pub const MESSAGE_LIST: usize = 64;

/// Longest tenant, in bytes: a segment of a path.
pub const TENANT_BYTES: usize = 128;

/// Longest id of an MCP session, in bytes. Servers use UUIDs, or tokens of their own.
pub const SESSION_ID_BYTES: usize = 1024;

/// 2^53: below it a double holds every integer exactly, and from it on different integers are one double.
pub const EXACT_DOUBLE: f64 = 9_007_199_254_740_992.0;
