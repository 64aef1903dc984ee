//! The hub and the directory over the API, with a hub that only remembers what it was asked.

use crate::support::World;
use http::Method;
use lgsp_kernel::{AgencyCode, NodeName, OpContext};
use lgsp_web::directory::{DirectoryView, FollowedLog, ForkView, SightingView, WitnessView};
use lgsp_web::hub::{
    Decided, DirectoryVersions, Doing, HubMembers, JoinRequest, MemberView, RevokedView, Withdrawn,
};
use lgsp_web::{HubAdministration, HubProblem, Neighbours};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Who did what, why.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

#[derive(Clone, Default)]
struct Fake {
    asked: Asked,
}

impl Fake {
    async fn done(&self, by: &OpContext, what: String) {
        self.asked.lock().await.push((format!("{} {what}", by.actor.label()), by.reason.clone()));
    }
    async fn asked(&self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut *self.asked.lock().await)
    }
}

fn known(node: &str) -> Result<(), HubProblem> {
    match node {
        "tinh-a" => Ok(()),
        "tinh-b" => Err(HubProblem::Refused("the request was rejected: no".into())),
        "broken" => Err(HubProblem::Failed("/var/lib/lgsp/hub: no space left".into())),
        other => Err(HubProblem::Missing(format!("no request of {other:?}"))),
    }
}

fn request(state: &str, reason: Option<String>) -> JoinRequest {
    JoinRequest {
        id: "ab".repeat(32),
        node: "tinh-a".into(),
        title: "Tỉnh A".into(),
        kind: "province".into(),
        agencies: Vec::new(),
        came_at: "2026-01-01T00:00:00.000Z".into(),
        state: state.into(),
        decided_at: None,
        reason,
    }
}

fn member() -> MemberView {
    MemberView {
        name: "tinh-a".into(),
        title: "Tỉnh A".into(),
        kind: "province".into(),
        standing: "active".into(),
        agencies: Vec::new(),
        endpoints: Vec::new(),
        relays: false,
        log_keys: Vec::new(),
        witness: None,
        systems: 0,
        services: 0,
    }
}

const VERSIONS: DirectoryVersions = DirectoryVersions { root: 1, members: 2, revocations: 3, freshness: 4 };

impl HubAdministration for Fake {
    fn requests(&self) -> Decided<'_, Vec<JoinRequest>> {
        Box::pin(async { Ok(vec![request("waiting", None), request("approved", None)]) })
    }
    fn members(&self) -> Decided<'_, HubMembers> {
        let revoked = RevokedView {
            kind: "key".into(),
            id: "ed25519:x".into(),
            at: "2026-01-01T00:00:00.000Z".into(),
            reason: "leaked".into(),
        };
        Box::pin(async {
            Ok(HubMembers { members: vec![member()], revoked: vec![revoked], root_sha256: "1:00".into() })
        })
    }
    fn approve(&self, by: OpContext, request: String, agencies: Vec<AgencyCode>) -> Decided<'_, MemberView> {
        Box::pin(async move {
            known(&request)?;
            self.done(&by, format!("approve {request} {agencies:?}")).await;
            Ok(member())
        })
    }
    fn reject(&self, by: OpContext, node: String, reason: String) -> Decided<'_, JoinRequest> {
        Box::pin(async move {
            known(&node)?;
            self.done(&by, format!("reject {node}")).await;
            Ok(request("rejected", Some(reason)))
        })
    }
    fn revoke(
        &self,
        by: OpContext,
        node: NodeName,
        what: Withdrawn,
        reason: String,
    ) -> Decided<'_, DirectoryVersions> {
        Box::pin(async move {
            known(node.as_str())?;
            self.done(&by, format!("revoke {node} {what:?} {reason}")).await;
            Ok(VERSIONS)
        })
    }
    fn reinstate(&self, by: OpContext, node: NodeName) -> Decided<'_, DirectoryVersions> {
        Box::pin(async move {
            known(node.as_str())?;
            self.done(&by, format!("reinstate {node}")).await;
            Ok(VERSIONS)
        })
    }
}

impl Neighbours for Fake {
    fn directory(&self) -> Option<DirectoryView> {
        Some(DirectoryView {
            hub: "http://hub".into(),
            versions: VERSIONS,
            confirmed_at: "2026-01-01T00:00:00.000Z".into(),
            age_ms: 90_000_000,
            freshness: "stale_revocations".into(),
            why: "the hub last confirmed it 25 h ago".into(),
            exchanges: false,
            lookups: true,
        })
    }
    fn members(&self) -> Option<Vec<MemberView>> {
        None
    }
    fn forks(&self) -> Vec<ForkView> {
        let seen = SightingView {
            note: "n".into(),
            size: 7,
            root: "r".into(),
            from: "tinh-b".into(),
            at: "2026-01-01T00:00:00.000Z".into(),
        };
        vec![ForkView {
            kind: "fork".into(),
            origin: "lgsp/tinh-a/log/1".into(),
            why: "two trees of one size".into(),
            since: "2026-01-01T00:00:00.000Z".into(),
            reported_at: "2026-01-01T00:00:00.000Z".into(),
            resolved_at: None,
            known: seen.clone(),
            other: seen,
            proof: Vec::new(),
        }]
    }
    fn logs(&self) -> Vec<FollowedLog> {
        Vec::new()
    }
    fn witness(&self) -> Doing<'_, WitnessView> {
        Box::pin(async { WitnessView { verifier: "w+1+x".into(), cosigned: Vec::new(), own: None } })
    }
}

async fn world() -> (World, Fake) {
    let fake = Fake::default();
    let hub = Arc::new(fake.clone());
    (World::with(Some(hub.clone()), Some(hub)).await, fake)
}

#[tokio::test]
async fn an_operator_decides_about_requests_and_members_and_says_why() {
    let (world, fake) = world().await;
    let waiting = world.get("/admin/v1/hub/requests").await.is(200).json();
    assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
    let all = world.get("/admin/v1/hub/requests?all").await.is(200).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let members = world.get("/admin/v1/hub/members").await.is(200).json();
    assert_eq!(members["members"][0]["name"], "tinh-a");
    assert_eq!(members["revoked"][0]["reason"], "leaked");

    let why = [("lgsp-reason", "Công văn 7")];
    let at = |rest: &str| format!("/admin/v1/hub/{rest}");
    let agencies = json!({"agencies": ["H98.02"]});
    world.change_if(Method::POST, &at("requests/tinh-a/approve"), &why, agencies).await.is(200);
    let reason = json!({"reason": " not theirs "});
    let rejected = world.change(Method::POST, &at("requests/tinh-a/reject"), reason).await.is(200).json();
    assert_eq!(rejected["reason"], "not theirs");
    for what in [
        json!("member"),
        json!({"agency": "H98.02"}),
        json!({"certificate": "AB:".repeat(31) + "AB"}),
        json!({"key": "ed25519:x"}),
    ] {
        let body = json!({"what": what, "reason": "leaked"});
        let published = world.change(Method::POST, &at("members/tinh-a/revoke"), body).await.is(200).json();
        assert_eq!(published["revocations"], 3);
    }
    world.change_if(Method::POST, &at("members/tinh-a/reinstate"), &why, Value::Null).await.is(200);
    let asked = fake.asked().await;
    let did: Vec<&str> = asked.iter().map(|(what, _)| what.as_str()).collect();
    assert!(did[0].starts_with("operator:operator approve tinh-a [") && did[0].contains("H98.02"), "{did:?}");
    assert_eq!(did[1], "operator:operator reject tinh-a");
    assert_eq!(did[2], "operator:operator revoke tinh-a Member leaked");
    assert!(did[4].contains(&"ab".repeat(32)), "{did:?}");
    assert_eq!(did.len(), 7);
    let reasons: Vec<&str> = asked.iter().map(|(_, why)| why.as_deref().unwrap()).collect();
    assert_eq!(reasons, ["Công văn 7", "not theirs", "leaked", "leaked", "leaked", "leaked", "Công văn 7"]);
}

#[tokio::test]
async fn an_approval_without_a_body_is_for_all_agencies() {
    let (world, fake) = world().await;
    let authorization = format!("Bearer {}", world.operator);
    let headers = [("authorization", authorization.as_str())];
    world.send(Method::POST, "/admin/v1/hub/requests/tinh-a/approve", &headers, "").await.is(200);
    assert_eq!(fake.asked().await[0].0, "operator:operator approve tinh-a []");
}

#[tokio::test]
async fn what_the_hub_cannot_do_is_told_with_what_to_do_instead_and_without_its_folders() {
    let (world, fake) = world().await;
    let reject = |node: &str| format!("/admin/v1/hub/requests/{node}/reject");
    let revoke = "/admin/v1/hub/members/tinh-a/revoke".to_owned();
    let because = json!({"reason": "no"});
    for (path, body, status) in [
        (reject("tinh-b"), because.clone(), 409),
        (reject("tinh-z"), because.clone(), 404),
        (reject("broken"), because.clone(), 500),
        (reject("a%2F..%2Fb"), because.clone(), 400),
        (reject(&"a".repeat(300)), because, 400),
        (reject("tinh-a"), json!({"reason": "  "}), 400),
        (reject("tinh-a"), json!({"reason": "x".repeat(501)}), 400),
        (reject("tinh-a"), json!({"reason": "two\nlines"}), 400),
        (reject("tinh-a"), json!({}), 422),
        (revoke.clone(), json!({"what": "everything", "reason": "no"}), 422),
        (revoke.clone(), json!({"reason": "no"}), 422),
        (revoke.clone(), json!({"what": {"certificate": "zz"}, "reason": "no"}), 400),
        (revoke.clone(), json!({"what": {"key": "with\u{a0}space"}, "reason": "no"}), 400),
        (revoke.clone(), json!({"what": {"agency": "../.."}, "reason": "no"}), 400),
        (revoke, json!({"what": "member", "reason": "no", "force": true}), 422),
    ] {
        let answer = world.change(Method::POST, &path, body).await.is(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert!(!answer.text().contains("/var/lib"), "{}", answer.text());
    }
    assert!(fake.asked().await.is_empty());
}

#[tokio::test]
async fn a_member_shows_what_it_knows_of_others() {
    let (world, _) = world().await;
    let directory = world.get("/admin/v1/directory").await.is(200).json();
    assert_eq!(directory["freshness"], "stale_revocations");
    assert_eq!(directory["exchanges"], false);
    let missing = world.get("/admin/v1/directory/members").await.is(404).json();
    assert_eq!(missing["type"], "urn:lgsp:problem:admin.no_directory");
    let forks = world.get("/admin/v1/peers/forks").await.is(200).json();
    assert_eq!(forks["reports"][0]["known"]["size"], 7);
    assert_eq!(world.get("/admin/v1/peers/witness").await.is(200).json()["verifier"], "w+1+x");
}

#[tokio::test]
async fn a_node_that_is_no_hub_and_no_member_says_so_and_what_makes_it_one() {
    let world = World::new().await;
    for (path, code, remedy) in [
        ("/admin/v1/hub/requests", "no_hub", "lgsp hub init"),
        ("/admin/v1/hub/members", "no_hub", "lgsp hub init"),
        ("/admin/v1/directory", "no_member", "lgsp node join"),
        ("/admin/v1/peers/forks", "no_member", "lgsp node join"),
    ] {
        let problem = world.get(path).await.is(404).json();
        assert_eq!(problem["type"], format!("urn:lgsp:problem:admin.{code}"));
        assert!(problem["remedy"].as_str().unwrap().contains(remedy), "{problem}");
    }
    let approval = world.change(Method::POST, "/admin/v1/hub/requests/tinh-a/approve", json!({})).await;
    assert_eq!(approval.is(404).json()["type"], "urn:lgsp:problem:admin.no_hub");
}
