//! Single edits, as the administration API and the command line make them: the same rules, the same trail.

use crate::help::{Desk, operator};
use lgsp_registry::{EditError, Kind, manifest};
use serde_json::json;

fn lines(result: Result<lgsp_registry::Applied, EditError>) -> Vec<String> {
    match result {
        Err(EditError::Problems(p)) => p.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_got_can_be_put_back_and_changed() {
    let desk = Desk::province().await;
    for kind in Kind::ALL {
        for item in desk.registry.list(kind, None, 100) {
            let done = desk.registry.put(kind, &item.id, item.spec.clone(), &operator()).await.unwrap();
            assert!(done.plan.is_empty(), "{kind} {}: {}", item.id, lgsp_registry::plan::render(&done.plan));
        }
    }
    let mut grant = desk.registry.get(Kind::Grant, "motcua-dn").unwrap().spec;
    grant["daily_quota"] = json!(500);
    let done = desk.registry.put(Kind::Grant, "motcua-dn", grant, &operator()).await.unwrap();
    assert_eq!(
        lgsp_registry::plan::render(&done.plan),
        "~ grant motcua-dn: daily_quota: (none) -> 500\n0 to create, 1 to update, 0 to delete.\n"
    );
    assert_eq!(done.generation, 2);
    let trail = desk.store.audit_rows(0, 100).await.unwrap();
    let shown = format!("{:?}", trail.last().unwrap());
    assert!(
        shown.contains("shell:lan") && shown.contains("công văn 12") && shown.contains("daily_quota"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_wrong_edit_names_its_fields() {
    let desk = Desk::province().await;
    let put = |id: &'static str, item| desk.registry.put(Kind::Grant, id, item, op());
    assert_eq!(
        lines(put("g", json!({"consumer": "motcau", "service": "doanhnghiep", "operations": ["*"], "purpose": "x", "legal_basis": "y"})).await),
        ["grants[0].consumer: there is no system \"motcau\"; did you mean \"motcua\"?"]
    );
    assert_eq!(
        lines(put("g", json!({"id": "h"})).await),
        ["id: the address says \"g\", the body something else"]
    );
    assert_eq!(lines(put("g", json!([1])).await), ["expected a JSON object that describes one grant"]);
    assert_eq!(
        lines(put("g", json!({"consumer": 7, "service": "doanhnghiep", "operations": "x", "purpose": true, "legal_basis": "y", "daily_quota": "9"})).await),
        [
            "grants[0].consumer: expected text, found a number",
            "grants[0].daily_quota: expected a whole number, found text",
            "grants[0].operations: expected a list, found text",
            "grants[0].purpose: expected text, found true or false",
        ]
    );
    let stolen = json!({"system": "motcua", "kind": "client", "secret": {"file": "/etc/passwd"}});
    assert_eq!(
        lines(desk.registry.put(Kind::Credential, "x", stolen, &operator()).await),
        [
            "credentials[0].secret: `env` and `file` are read where a file is applied from, not here: send `value`"
        ],
        "who calls the administration API reads no file of this machine"
    );
}

#[tokio::test]
async fn nothing_goes_that_others_refer_to() {
    let desk = Desk::province().await;
    let delete = |kind, id: &'static str| desk.registry.delete(kind, id, op());
    assert_eq!(
        lines(delete(Kind::Agency, "15.H98").await),
        ["system \"canbo\" (in the registry).agency: there is no agency H98.15; did you mean \"H98.02\"?"]
    );
    assert_eq!(
        lines(delete(Kind::Service, "canbo037").await),
        ["grant \"motcua-canbo\" (in the registry).service: there is no service \"canbo037\""]
    );
    assert_eq!(lines(delete(Kind::System, "motcua").await).len(), 4, "two credentials, two grants");
    let none = delete(Kind::Grant, "nope").await.unwrap_err();
    assert_eq!(none.to_string(), "there is no grant \"nope\"");

    delete(Kind::Grant, "motcua-canbo").await.unwrap();
    delete(Kind::Service, "canbo037").await.unwrap();
    delete(Kind::System, "canbo").await.unwrap();
    delete(Kind::Agency, "15.H98").await.unwrap();
    assert!(desk.registry.resolve_agency(&"000.00.15.H98".parse().unwrap()).is_none());
}

#[tokio::test]
async fn pages_go_through_everything_in_order() {
    let desk = Desk::province().await;
    let mut ids = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = desk.registry.list(Kind::System, after.as_deref(), 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        ids.extend(page.into_iter().map(|i| i.id));
    }
    assert_eq!(ids, ["canbo", "kho-du-lieu", "motcua"]);
    let found = desk.registry.list_where(Kind::System, None, 10, Some("MỘT CỬA"));
    assert_eq!(found.len(), 1);
}

#[test]
fn a_folder_without_a_file_and_a_file_that_is_not_text_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |path: &std::path::Path| {
        let problems = manifest::read(&[path.to_path_buf()]).unwrap_err();
        problems
            .iter()
            .map(|p| p.to_string().replace(&folder.path().display().to_string(), "F"))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(folder.path()), ["F: no *.yaml or *.yml file here"]);
    let file = folder.path().join("a.yaml");
    assert_eq!(shown(&file), ["F/a.yaml: cannot be read: No such file or directory (os error 2)"]);
    std::fs::write(&file, b"# x\nsystems: \xff\n").unwrap();
    assert_eq!(shown(&file), ["F/a.yaml: not UTF-8 text (line 2): save it as UTF-8"]);
}

fn op() -> &'static lgsp_kernel::OpContext {
    static CTX: std::sync::OnceLock<lgsp_kernel::OpContext> = std::sync::OnceLock::new();
    CTX.get_or_init(operator)
}
