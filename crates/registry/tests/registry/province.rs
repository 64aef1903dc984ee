//! Three agencies declared in a folder of files: what the plan says, what the snapshot holds, and that saying it twice changes
//! nothing.

use crate::help::{Desk, fixture, operator, province};
use lgsp_kernel::model::Lifecycle;
use lgsp_kernel::snapshot::OpenAuth;
use lgsp_registry::{Kind, PlanOptions, manifest, plan};

#[tokio::test]
async fn a_folder_is_planned_applied_and_compiled() {
    // Given an empty registry, when the folder is planned, then everything is new and nothing is written.
    let desk = Desk::empty().await;
    let planned = desk.registry.plan(&province(), PlanOptions::default()).await.unwrap();
    assert_eq!(
        plan::render(&planned),
        "+ agency H98\n+ agency H98.02\n+ agency H98.15\n\
         + system kho-du-lieu\n+ system motcua\n+ system canbo\n\
         + credential motcua-client\n+ credential motcua-key\n\
         + service doanhnghiep\n+ service canbo037\n\
         + grant motcua-dn\n+ grant motcua-canbo\n\
         12 to create, 0 to update, 0 to delete.\n"
    );
    assert_eq!(desk.store.generation().await.unwrap(), 0, "a plan is not a change");

    // When it is committed, then calls are decided on it.
    assert_eq!(desk.registry.commit(planned, &operator()).await.unwrap(), 1);
    let snapshot = desk.registry.snapshot().load_full();
    assert_eq!(snapshot.generation, 1);
    for code in ["H98.15", "000.00.15.H98", "15.H98"] {
        let agency = desk.registry.resolve_agency(&code.parse().unwrap()).unwrap();
        assert_eq!(agency.code.as_str(), "H98.15", "{code}");
    }
    assert_eq!(snapshot.systems["motcua"].agency.as_str(), "H98.02", "resolved from its QCVN 102 code");
    let service = &snapshot.services["doanhnghiep"];
    assert_eq!(service.agency.as_str(), "H98");
    let labels: Vec<&str> = service.versions.iter().map(|v| v.spec.version.as_str()).collect();
    assert_eq!(labels, ["1.10", "1.0"], "the highest first, and an unquoted 1.10 is not 1.1");
    assert_eq!(service.default_version, Some(1), "the draft is not meant when none is named");
    let version = &service.versions[1];
    assert_eq!(version.key, "doanhnghiep/1.0");
    let OpenAuth::Basic { user, password } = &version.auth else { panic!("{:?}", version.auth) };
    assert_eq!((user.as_str(), password.expose()), ("lgsp", &b"mat-khau-kho"[..]));
    let flags: Vec<(&str, bool, bool)> =
        version.operations.iter().map(|o| (o.key.as_str(), o.safe, o.idempotent)).collect();
    assert_eq!(flags, [("doanhnghiep.chiTiet", true, true), ("doanhnghiep.capNhat", false, false)]);
    let tra_cuu = &snapshot.services["canbo037"].versions[0].operations[0];
    assert_eq!((tra_cuu.safe, tra_cuu.idempotent), (false, true));
    let grant = &snapshot.grants_for("motcua", "doanhnghiep")[0];
    assert!(grant.covers("1.0", &version.operations[0].spec, "GET", "/chiTiet/0101"));
    assert!(!grant.covers("1.10", &version.operations[0].spec, "GET", "/chiTiet/0101"));
    assert!(snapshot.grants_for("canbo", "doanhnghiep").is_empty());
    let key = desk.vault.digest(b"khoa-api-cua-mot-cua");
    assert_eq!(snapshot.api_keys[&key].spec.id.as_str(), "motcua-key");
    let client = desk.vault.digest(b"mat-khau-client-cua-mot-cua");
    assert_eq!(
        snapshot.credentials["motcua-client"].digest, client,
        "read from the file, its line end dropped"
    );
}

#[tokio::test]
async fn applying_the_same_files_again_changes_nothing() {
    let desk = Desk::province().await;
    let again =
        desk.registry.plan(&province(), PlanOptions { prune: true, ..PlanOptions::default() }).await.unwrap();
    assert_eq!(plan::render(&again), "Nothing to change.\n");
    let done = desk
        .registry
        .apply(&province(), PlanOptions { prune: true, ..PlanOptions::default() }, &operator())
        .await
        .unwrap();
    assert_eq!(done.generation, 1);
    assert_eq!(desk.store.generation().await.unwrap(), 1, "no empty commit");
}

#[tokio::test]
async fn a_difference_is_shown_field_by_field() {
    let desk = Desk::province().await;
    let file = std::fs::read_to_string(fixture().join("02-services.yml")).unwrap();
    let changed = file
        .replace("lifecycle: draft", "lifecycle: published")
        .replace("operations: []", "operations: [{ name: chiTiet, method: GET, path: /x }]")
        .replace("mat-khau-kho", "mat-khau-moi")
        .replace("keep_days: 30", "keep_days: 90");
    let desired = manifest::read_text("s.yaml", changed).unwrap();
    let planned = desk.registry.plan(&desired, PlanOptions::default()).await.unwrap();
    assert_eq!(
        plan::render(&planned),
        "~ service doanhnghiep:\n\
         \x20   versions[1.0].auth.password: (secret changed)\n\
         \x20   versions[1.10].lifecycle: draft -> published\n\
         \x20   versions[1.10].operations[chiTiet]: (none) -> {\"method\":\"GET\",\"name\":\"chiTiet\",\"path\":\"/x\"}\n\
         ~ service canbo037: evidence.keep_days: 30 -> 90\n\
         0 to create, 2 to update, 0 to delete.\n"
    );
}

#[tokio::test]
async fn what_is_not_declared_is_left_alone_unless_pruned() {
    let desk = Desk::province().await;
    let only = "agencies:\n  - { code: H98, name: Tỉnh Mẫu, kind: province }\n";
    let desired = manifest::read_text("one.yaml", only.into()).unwrap();

    let kept = desk
        .registry
        .plan(&desired, PlanOptions { prune: false, ..PlanOptions::default() })
        .await
        .unwrap_err();
    assert_eq!(
        kept.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "agency \"H98.15\" (in the registry).parent: there is no agency 000.00.00.H98; did you mean \"000.00.02.H98\"?"
        ],
        "an alias that another agency is named by cannot go"
    );
    let pruned =
        desk.registry.plan(&desired, PlanOptions { prune: true, ..PlanOptions::default() }).await.unwrap();
    assert_eq!(
        plan::render(&pruned),
        "~ agency H98:\n    aliases: [000.00.00.H98] -> (none)\n    name: Ủy ban nhân dân tỉnh Mẫu -> Tỉnh Mẫu\n\
         - grant motcua-canbo\n- grant motcua-dn\n\
         - service canbo037\n- service doanhnghiep\n\
         - credential motcua-client\n- credential motcua-key\n\
         - system canbo\n- system kho-du-lieu\n- system motcua\n\
         - agency H98.02\n- agency H98.15\n\
         0 to create, 1 to update, 11 to delete.\n"
    );
    desk.registry.commit(pruned, &operator()).await.unwrap();
    let counts = desk.registry.counts();
    assert_eq!((counts.agencies, counts.systems, counts.grants, counts.kept_out), (1, 0, 0, 0));
    let snapshot = desk.registry.snapshot().load_full();
    assert!(snapshot.grants.is_empty() && snapshot.api_keys.is_empty() && snapshot.services.is_empty());
}

#[tokio::test]
async fn what_is_exported_can_be_applied_again() {
    let desk = Desk::province().await;
    let exported = desk.registry.export();
    let yaml = manifest::to_yaml(&exported);
    let desired =
        manifest::read_text("export.yaml", yaml.clone()).unwrap_or_else(|p| panic!("{p:#?}\n{yaml}"));
    assert_eq!(*desired.value, exported, "{yaml}");
    let planned =
        desk.registry.plan(&desired, PlanOptions { prune: true, ..PlanOptions::default() }).await.unwrap();
    assert!(planned.is_empty(), "{}", plan::render(&planned));
}

#[tokio::test]
async fn a_lifecycle_only_goes_on() {
    let desk = Desk::province().await;
    let promote = |to| desk.registry.promote("doanhnghiep", "1.0", to, ctx());
    promote(Lifecycle::Deprecated).await.unwrap();
    promote(Lifecycle::Published).await.unwrap();
    let back = promote(Lifecycle::Draft).await.unwrap_err().to_string();
    assert!(back.contains("is published and cannot become draft"), "{back}");
    promote(Lifecycle::Retired).await.unwrap();
    let snapshot = desk.registry.snapshot().load_full();
    assert!(snapshot.services["doanhnghiep"].default_version.is_none(), "nothing is callable any more");
    assert!(desk.registry.get(Kind::Service, "doanhnghiep").is_some());
}

#[tokio::test]
async fn the_examples_of_the_reference_can_be_applied() {
    let text = include_str!("../../../../docs/manifests.md");
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 5);
    let desk = Desk::empty().await;
    let done = desk.apply(&blocks.join("---\n")).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(done.plan.totals(), (12, 0, 0));
}

fn ctx() -> &'static lgsp_kernel::OpContext {
    static CTX: std::sync::OnceLock<lgsp_kernel::OpContext> = std::sync::OnceLock::new();
    CTX.get_or_init(operator)
}
