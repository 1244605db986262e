use super::*;

fn options() -> OpenApiOptions {
    OpenApiOptions { namespace: "Shop".to_owned(), principal: "Agent".to_owned(), server: None }
}

fn written(paths: &str) -> (OpenApiSchema, Vec<String>) {
    let text = format!("openapi: 3.1.0\ninfo: {{title: '{{Shop}}'}}\npaths:\n{paths}");
    let mut findings = Findings::default();
    let written = from_openapi(&text, &options(), &mut findings).unwrap();
    (written, findings.sorted().into_iter().map(|finding| finding.code.to_owned()).collect())
}

#[test]
fn types_are_named_by_what_the_path_says() {
    for (text, expected) in [("pets", "Pets"), ("pull-requests", "PullRequests"), ("v1.users", "V1Users"), ("in", "In")]
    {
        assert_eq!(pascal_case(text), expected);
    }
    assert_eq!(pascal_case("é"), "_");
    assert_eq!(pascal_case("string"), "String_", "not a name that Cedar has");
}

#[test]
fn things_of_one_kind_share_a_type_and_the_api_has_its_own() {
    let (written, findings) = written(
        "  /api/{id}: {get: {operationId: a}}\n  /api/{id}/x: {get: {operationId: b}}\n  /: {get: {operationId: c}}\n",
    );
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(written.routes.matches("type = \"Shop::Api_2\"").count(), 2, "{}", written.routes);
    assert!(written.routes.contains("resource = { type = \"Shop::Api\", id = \"Shop\" }"), "{}", written.routes);
}

#[test]
fn what_is_left_out_is_told() {
    for (paths, code) in [
        ("  /a/{b}.json: {get: {}}\n", "operation.path"),
        ("  /a: {get: []}\n", "operation.refused"),
        ("  /a: {query: {}}\n", "operation.refused"),
        ("  /a: {$ref: 'other.yaml'}\n", "operation.refused"),
        ("  /a: {get: {parameters: [{name: b, in: path, schema: {type: string}}]}}\n", "operation.refused"),
        ("  /a: {get: {operationId: x}}\n  /b: {get: {operationId: x}}\n", "operation.duplicate"),
        ("  /a: {get: {operationId: 'method:safe'}}\n", "operation.duplicate"),
        ("  /a: {get: {parameters: [{name: b, in: cookie, schema: {type: string}}]}}\n", "operation.parameter"),
        ("  /a: {get: {parameters: [{$ref: '#/nowhere'}]}}\n", "operation.parameter"),
        ("  /a: {servers: [{url: /v2}], get: {}}\n", "operation.server"),
    ] {
        let (_, findings) = written(paths);
        assert_eq!(findings, [code], "{paths}");
    }
}

#[test]
fn an_operations_parameter_replaces_its_paths() {
    let (written, findings) = written(
        "  /a:\n    parameters: [{name: n, in: query, schema: {type: string}}, {name: n, in: header, schema: {type: string}}]\n    \
         get: {operationId: a, parameters: [{name: n, in: query, required: true, schema: {type: integer}}]}\n",
    );
    assert!(findings.is_empty(), "{findings:?}");
    assert!(written.routes.contains("context = { n = \"query.n\", header_n = \"header.n\" }"), "{}", written.routes);
    assert!(written.schema.contains("n: Long"), "{}", written.schema);
}

#[test]
fn scopes_are_those_of_the_only_way() {
    let security = |ways: &str| {
        let text = format!(
            "openapi: 3.0.0\npaths: {{/a: {{get: {{security: {ways}}}}}}}\nsecurity: [{{o: [all]}}]\n\
             components: {{securitySchemes: {{o: {{type: oauth2}}, i: {{type: openIdConnect}}, k: {{type: apiKey}}}}}}\n"
        );
        let mut findings = Findings::default();
        let routes = from_openapi(&text, &options(), &mut findings).unwrap().routes;
        let scopes = routes.lines().find(|line| line.starts_with("scopes")).unwrap_or_default().to_owned();
        (scopes, findings.warnings())
    };
    assert_eq!(security("[{o: [b, a]}]"), ("scopes = [\"a\", \"b\"]".to_owned(), 0));
    assert_eq!(security("[{o: [a], i: [b], k: [c]}]"), ("scopes = [\"a\", \"b\"]".to_owned(), 0));
    assert_eq!(security("[{o: [a]}, {i: [a]}]"), ("scopes = [\"a\"]".to_owned(), 0));
    assert_eq!(security("[{o: [a]}, {o: [b]}]"), (String::new(), 1));
    assert_eq!(security("[{o: [a]}, {}]"), (String::new(), 1), "nobody needs to be authorised");
    assert_eq!(security("[]"), (String::new(), 0), "nothing is asked for");
    assert_eq!(security("null"), (String::new(), 0));
}
