//! The filter's configuration: all or nothing, and never a gateway without its filter.

use std::fs;

use anyhow::Result;
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::cli::Palisade;
use palisade_tests::envoy::{Envoy, Start};
use palisade_tests::example::Example;
use palisade_tests::filter::Filter;
use palisade_tests::gateway::{Gateway, Options, filter_file};
use palisade_tests::http1::Request;
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::REPOS;
use palisade_tests::token::Token;
use palisade_tests::tools::Tools;
use palisade_tests::turn::Turn;
use palisade_tests::upstream::Upstream;
use serde_json::{Value, json};

use crate::fixture::{Own, assert_allowed, assert_denied, good_token, home, path, read, refusing};

/// Configurations that must not be accepted, made from a good one.
fn invalid(good: &Filter) -> Result<Vec<(&'static str, Filter)>> {
    let filter = || good.clone();
    let mut unknown = good.configuration()?;
    unknown["on_forbid_eror"] = json!("deny");
    let mut no_trust = good.configuration()?;
    no_trust.as_object_mut().and_then(|members| members.remove("trust"));
    let mut no_bundle = good.configuration()?;
    no_bundle.as_object_mut().and_then(|members| members.remove("bundle"));
    let text = good.configuration()?.to_string();
    Ok(vec![
        ("no configuration", filter().with_configuration("")?),
        ("no JSON", filter().with_configuration("{")?),
        ("an array", filter().with_configuration("[]")?),
        ("JSON with something after it", filter().with_configuration(&format!("{text} {{}}"))?),
        ("an unknown member", filter().with_configuration(&unknown.to_string())?),
        ("no trust", filter().with_configuration(&no_trust.to_string())?),
        ("no bundle", filter().with_configuration(&no_bundle.to_string())?),
        ("a bundle that is not base64", filter().with_field("bundle", json!({"inline": "!!!"}))?),
        ("a key of an unknown kind", filter().with_field("trust", json!({"keys": ["rsa:AAAA"], "threshold": 1}))?),
        ("a knob of the wrong type", filter().with_field("on_forbid_error", json!(true))?),
        ("a knob with an unknown value", filter().with_field("on_forbid_error", json!("ignore"))?),
        ("an unknown log", filter().with_field("decision_log", json!(["syslog"]))?),
        // Envoy hands a Struct over as protobuf bytes, whatever its documentation says.
        (
            "a protobuf Struct",
            filter().with_any(json!({
                "@type": "type.googleapis.com/google.protobuf.Struct",
                "value": good.configuration()?,
            }))?,
        ),
    ])
}

#[test]
fn an_invalid_configuration_is_refused_and_the_old_one_keeps_serving() -> Result<()> {
    let gateway = refusing()?;
    for (what, filter) in invalid(&gateway.filter)? {
        assert!(!gateway.replace_filter(&filter)?, "{what} was taken");
        assert_allowed(&gateway, &read("old-configuration").bearer(&good_token(&gateway)?))?;
    }
    Ok(())
}

#[test]
fn a_gateway_that_starts_with_an_invalid_filter_serves_nobody_until_it_is_mended() -> Result<()> {
    let home = home()?;
    let mut good = None;
    let gateway = Gateway::start_with(home.path(), Options::default(), |workshop, wasm| {
        let bundle = workshop.bundle(Recipe::GOOD)?;
        let filter = workshop.filter(&bundle, wasm)?;
        good = Some(filter.clone());
        Ok((filter.with_bundle(b"no bundle")?, bundle))
    })?;
    let request = read("invalid-start").bearer(&good_token(&gateway)?);
    assert_eq!(gateway.send(&request)?.status, 500);
    assert!(gateway.upstream.received(&path("invalid-start")).is_empty());
    assert!(gateway.replace_filter(&good.unwrap_or_else(|| gateway.filter.clone()))?);
    palisade_tests::wait::until("the mended filter to decide", || {
        Ok((gateway.send(&request)?.status == 200).then_some(()))
    })
}

#[test]
fn envoy_does_not_start_without_the_filters_file() -> Result<()> {
    let (home, tools) = (home()?, Tools::from_env()?);
    let log = refusal(home.path(), &tools, None)?;
    assert!(log.contains("palisade.json"), "{log}");
    Ok(())
}

#[test]
fn a_file_that_is_no_filter_at_all() -> Result<()> {
    let gateway = &refusing()?;
    let other = Filter::parse(
        &json!({"resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "palisade",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
                "config": {"configuration": {"value": "{}"}},
            },
        }]})
        .to_string(),
    )?;
    assert!(!gateway.replace_filter(&other)?, "another kind of filter was taken");
    assert_allowed(gateway, &read("other-filter").bearer(&good_token(gateway)?)).map(drop)
}

#[test]
fn an_error_in_a_forbid_policy_denies_unless_the_operator_chose_cedars_rule() -> Result<()> {
    let own = Own::start(Options::default())?;
    let gateway = &own.gateway;
    let task = json!({"id": "T-1", "started_at": 0, "repository": "nowhere", "branch": "b"});
    let token = Token::coder().claim("task", task).sign(gateway.key(Algorithm::Es256)?);
    let request = Request::new("PUT", REPOS, "/repos/nowhere/branches/b/files/a").bearer(&token);
    let line = assert_denied(gateway, &request, 403, "policy.forbid_error")?;
    assert_eq!((line.text("effect"), line.text("decision")), (Some("deny"), Some("allow")));
    assert!(gateway.replace_filter(&gateway.filter.clone().with_field("on_forbid_error", json!("skip"))?)?);
    let answer = palisade_tests::wait::until("the chosen rule to decide", || {
        let answer = gateway.send(&request)?;
        Ok((answer.status == 200).then_some(answer))
    })?;
    // Choosable, never silent.
    assert_eq!(gateway.access_line(&answer)?.texts("errors"), ["no-direct-writes-to-protected-branches"]);
    Ok(())
}

#[test]
fn the_command_writes_a_configuration_with_every_safety_switch() -> Result<()> {
    let home = home()?;
    let tools = Tools::from_env()?;
    let workshop = Workshop::open(Palisade::new(&tools.cli), Example::Quickstart, home.path())?;
    let bundle = workshop.bundle(Recipe::GOOD)?;
    let file = home.path().join("filter.json");
    workshop.filter(&bundle, &tools.wasm)?.install(&file)?;
    let text: Value = serde_json::from_slice(&fs::read(&file)?)?;
    let plugin = &text["resources"][0]["typed_config"]["config"];
    assert_eq!(
        plugin["failure_policy"], "FAIL_RELOAD",
        "a crashed worker must come back, and must not let requests by"
    );
    assert_eq!(plugin["allow_on_headers_stop_iteration"], true, "without it a paused request hangs");
    assert_eq!(plugin["configuration"]["@type"], "type.googleapis.com/google.protobuf.StringValue");
    assert!(plugin.get("capability_restriction_config").is_none(), "a list that lacks a callback lets requests by");
    assert_eq!(plugin["fail_open"], Value::Null);
    Ok(())
}

fn refusal(home: &std::path::Path, tools: &Tools, filter: Option<&Filter>) -> Result<String> {
    let file = filter_file(home)?;
    if let Some(filter) = filter {
        filter.install(&file)?;
    }
    let upstream = Upstream::start()?;
    Envoy::refusal(Start {
        turn: &Turn::take(),
        program: &tools.envoy,
        home,
        filter: &file,
        example: Example::Quickstart,
        upstream: upstream.address(),
        any_host: false,
        unfiltered: None,
        other: upstream.address(),
        transport_socket: None,
        port: 0,
        workers: 1,
        keys: None,
        keys_socket: None,
        bundles: None,
        clusters: &[],
        servers: &[],
        succession: None,
    })
}
