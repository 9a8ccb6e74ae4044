//! Deploys by TeamCity's REST API.

use super::{Fake, Reply, asked, not_an_answer};
use serde_json::json;
use sre_copilot::adapters::teamcity::Teamcity;
use sre_copilot::config::{DeployMapping, TeamcitySettings};
use sre_copilot::domain::{Deploy, SourceState};
use sre_copilot::ports::{Answered, DeployHistory, EvidenceRequest};

pub(super) fn mapping(build_type: &str, service: &str, namespace: &str) -> DeployMapping {
    DeployMapping { build_type: build_type.into(), service: service.into(), namespace: namespace.into() }
}

fn settings(address: &str) -> TeamcitySettings {
    TeamcitySettings {
        url: Some(address.to_owned()),
        token: Some("the-token".to_owned().into()),
        deploys: vec![mapping("Shop_*_Deploy", "checkout", "shop")],
        ..TeamcitySettings::default()
    }
}

async fn deploys(settings: &TeamcitySettings, asked: &EvidenceRequest) -> Answered<Deploy> {
    Teamcity::new(settings).unwrap().unwrap().deploys(asked).await
}

fn builds() -> Reply {
    Reply::json(json!({"count": 3, "build": [
        {"id": 8134, "buildTypeId": "Shop_Checkout_Deploy", "number": "54", "status": "SUCCESS",
         "startDate": "20260102T044054+0000", "finishDate": "20260102T044554+0000", "webUrl": "https://ci.example.com/build/8134",
         "triggered": {"type": "user", "user": {"username": "m.ortega"}}, "revisions": {"revision": [{"version": "0b6f5c2a"}]},
         "changes": {"change": [{"version": "0b6f5c2a", "username": "m.ortega", "comment": "lower the limit"}]}},
        {"id": 8133, "buildTypeId": "Shop_Checkout_Deploy", "number": "53", "status": "FAILURE", "finishDate": "20260102T043554+0000"},
        {"id": 8132, "buildTypeId": "Shop_Checkout_Test", "number": "99", "status": "SUCCESS"},
    ]}))
}

#[tokio::test]
async fn one_search_for_finished_builds() {
    let server = Fake::always(builds()).await;
    let answered = deploys(&settings(&server.address), &asked()).await;
    assert_eq!(answered.state, SourceState::Ok);
    let shown: Vec<_> = answered.items.iter().map(|it| (it.service.as_str(), it.number.as_str(), it.status.as_str())).collect();
    // The failed one stays with its status; what is no deploy is for the diagnosis to say.
    assert_eq!(shown, [("checkout", "54", "SUCCESS"), ("checkout", "53", "FAILURE")]);
    assert_eq!(answered.items[0].triggered_by, "m.ortega");

    let seen = server.seen();
    let [request] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((request.method.as_str(), request.header("authorization")), ("GET", Some("Bearer the-token")));
    let (path, query) = request.query();
    assert_eq!(path, "/app/rest/builds");
    let locator = "defaultFilter:false,state:finished,canceled:false,affectedProject:(id:_Root),branch:(default:any),\
                   finishDate:(date:20260102T030554+0000,condition:after),count:100";
    assert_eq!(query[0], ("locator".to_owned(), locator.to_owned()));
    let shown = Teamcity::new(&settings(&server.address)).unwrap().unwrap().egress(&asked()).unwrap();
    assert_eq!((shown.method.as_str(), shown.address), ("GET", server.at(request)));
    assert!(query[1].0 == "fields" && !query[1].1.contains("properties"), "{query:?}");
}

#[tokio::test]
async fn what_is_no_answer_is_not_checked() {
    for (name, reply, state, requests) in not_an_answer() {
        let server = Fake::always(reply).await;
        let answered = deploys(&settings(&server.address), &asked()).await;
        assert_eq!((answered.state.to_string().as_str(), answered.items.len()), (state, 0), "{name}");
        assert_eq!(server.seen().len(), requests, "{name}");
    }
    let server = Fake::always(Reply::json(json!({"errors": [{"message": "no such project"}]}))).await;
    let answered = deploys(&settings(&server.address), &asked()).await;
    assert_eq!(answered.state.to_string(), "unavailable: the answer has no list of builds");
}

#[tokio::test]
async fn a_namespace_that_nothing_is_mapped_to_is_unknown() {
    let server = Fake::always(builds()).await;
    let other = EvidenceRequest { namespaces: vec!["billing".into()], ..asked() };
    let answered = deploys(&settings(&server.address), &other).await;
    assert_eq!(answered.state.to_string(), "unavailable: no build configuration is mapped to namespace billing");
    let none = TeamcitySettings { deploys: Vec::new(), ..settings(&server.address) };
    assert_eq!(
        deploys(&none, &asked()).await.state.to_string(),
        "unavailable: no build configuration is mapped to namespace shop"
    );
    assert!(server.seen().is_empty());
    let both = EvidenceRequest { namespaces: vec!["billing".into(), "shop".into()], ..asked() };
    let answered = deploys(&settings(&server.address), &both).await;
    assert_eq!(answered.state.to_string(), "partial: no build configuration is mapped to namespace billing");
    assert_eq!(answered.items.len(), 2);
}

#[tokio::test]
async fn a_parameter_of_the_build_says_where() {
    let build = |id: u32, properties: serde_json::Value| json!({"id": id, "buildTypeId": "Release", "number": id, "status": "SUCCESS", "properties": {"property": properties}});
    let place = json!([{"name": "env.NAMESPACE", "value": "shop"}, {"name": "env.TOKEN", "value": "hunter2"}]);
    let body =
        json!({"count": 2, "nextHref": "/app/rest/builds?locator=start:100", "build": [build(1, place), build(2, json!([]))]});
    let server = Fake::always(Reply::json(body)).await;
    let by_parameter = vec![mapping("Release", "checkout", "%env.NAMESPACE%")];
    let settings = TeamcitySettings { deploys: by_parameter, project: Some("Shop".into()), ..settings(&server.address) };
    let answered = deploys(&settings, &asked()).await;
    assert_eq!(
        answered.state.to_string(),
        "partial: a build of Release has no parameter env.NAMESPACE; more than 100 builds ended, the newest were read"
    );
    let [deploy] = answered.items.as_slice() else { panic!("{:?}", answered.items) };
    assert_eq!((deploy.service.as_str(), deploy.namespace.as_str(), deploy.number.as_str()), ("checkout", "shop", "1"));
    assert!(!format!("{deploy:?}").contains("hunter2"), "only the parameter that is named is kept");
    let query = server.seen()[0].query().1;
    assert!(query[0].1.contains("affectedProject:(id:Shop)") && query[1].1.contains("properties(property(name,value))"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_waited_for_ten_seconds() {
    let server = Fake::always(Reply::silent()).await;
    let answered = deploys(&settings(&server.address), &asked()).await;
    assert_eq!(answered.state.to_string(), "unavailable: timed out after 10 s");
}

#[test]
fn what_is_not_configured_is_not_asked() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    assert!(Teamcity::new(&TeamcitySettings::default()).is_none());
    let half = TeamcitySettings { url: Some("https://x".into()), ..TeamcitySettings::default() };
    assert_eq!(Teamcity::new(&half).unwrap().err().unwrap().to_string(), "unavailable: teamcity.token is not set");
}
