//! Contracts in declarations: files kept by digest, compiled once, operations written out, breaking changes refused.

use crate::help::{Desk, operator, vault};
use lgsp_kernel::mediation::{
    CallFacts, CallerAnswer, CallerRequest, CompileContract, Compiled, ContractChange, ContractProblem, Face,
    Mediate, Mediated, ProviderAnswer, ProviderRequest, VersionFiles,
};
use lgsp_kernel::model::{CheckSpec, Manifest, OperationSpec, Protocol, VersionSpec};
use lgsp_kernel::{Refusal, fault};
use lgsp_registry::{EditError, Kind, PlanOptions, Registry, RegistryOptions, Sourced, manifest};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// A contract is a line for each operation; `bad` in it is wrong.
#[derive(Debug, Default)]
struct Lines(AtomicUsize);

#[derive(Debug)]
struct Nothing;

impl Mediate for Nothing {
    fn reads_request(&self, _: &str, _: Face, _: CheckSpec) -> bool {
        false
    }
    fn reads_answer(&self, _: &str, _: Face, _: CheckSpec) -> bool {
        false
    }
    fn request<'a>(&'a self, _: CallerRequest<'a>, _: CallFacts<'a>) -> Mediated<'a, ProviderRequest> {
        Box::pin(async { Err(Refusal::new(&fault::INTERNAL, "")) })
    }
    fn answer<'a>(&'a self, _: ProviderAnswer<'a>, _: CallFacts<'a>) -> Mediated<'a, CallerAnswer> {
        Box::pin(async { Err(Refusal::new(&fault::INTERNAL, "")) })
    }
    fn openapi(&self) -> Option<Arc<str>> {
        None
    }
    fn wsdl(&self) -> Option<Arc<str>> {
        None
    }
    fn xsd(&self, _: &str) -> Option<Arc<str>> {
        None
    }
}

fn names(version: &VersionSpec, files: &VersionFiles) -> Vec<String> {
    let contract = version.contract.as_ref().unwrap();
    let files = &files[contract.digest.as_deref().unwrap()];
    let text = String::from_utf8_lossy(&files[contract.main.as_deref().unwrap()]).into_owned();
    text.lines().map(|l| l.trim_matches(['<', '>', '/']).to_owned()).collect()
}

impl CompileContract for Lines {
    fn compile(
        &self,
        _: Protocol,
        version: &VersionSpec,
        files: &VersionFiles,
    ) -> Result<Compiled, Vec<ContractProblem>> {
        self.0.fetch_add(1, SeqCst);
        let names = names(version, files);
        if let Some(at) = names.iter().position(|n| n == "bad") {
            let place = Some(("a.wsdl".to_owned(), at as u32 + 1, 2));
            return Err(vec![ContractProblem {
                field: "contract".into(),
                place,
                message: "is bad".into(),
                warning: false,
            }]);
        }
        let spec = |name: &String| OperationSpec {
            name: name.clone(),
            element: Some(name.clone()),
            ..OperationSpec::default()
        };
        let operations = names.iter().map(spec).collect();
        let warnings = vec![ContractProblem {
            field: "contract".into(),
            place: None,
            message: "so so".into(),
            warning: true,
        }];
        Ok(Compiled { mediator: Some(Arc::new(Nothing)), operations, warnings })
    }
    fn compare(
        &self,
        _: Protocol,
        old: (&VersionSpec, &VersionFiles),
        new: (&VersionSpec, &VersionFiles),
    ) -> Vec<ContractChange> {
        let (was, is) = (names(old.0, old.1), names(new.0, new.1));
        let gone = was.into_iter().filter(|n| !is.contains(n));
        gone.map(|place| ContractChange { breaking: true, place, what: "gone".into() }).collect()
    }
}

struct Place {
    desk: Desk,
    registry: Registry,
    compiler: Arc<Lines>,
}

impl Place {
    async fn new() -> Self {
        let desk = Desk::province().await;
        let compiler = Arc::new(Lines::default());
        let registry = open(&desk, &compiler).await;
        Self { desk, registry, compiler }
    }

    /// Declares the service with a contract of these lines.
    async fn apply(
        &self,
        contract: &str,
        title: &str,
        accept_breaking: bool,
    ) -> Result<lgsp_registry::Applied, EditError> {
        let desired = self.declared("m", contract, title)?;
        let options = PlanOptions { accept_breaking, ..PlanOptions::default() };
        self.registry.apply(&desired, options, &operator()).await
    }

    /// The declaration, in a folder of its own.
    fn declared(&self, folder: &str, contract: &str, title: &str) -> Result<Sourced<Manifest>, EditError> {
        let folder = self.desk.folder.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.wsdl"), contract).unwrap();
        let yaml = format!(
            "services:\n  - id: dancu\n    system: kho-du-lieu\n    title: {title}\n    protocol: soap\n    versions:\n      - version: \"1.0\"\n        lifecycle: published\n        targets: [{{ url: \"http://10.0.0.1/\" }}]\n        contract: {{ file: a.wsdl }}\n"
        );
        std::fs::write(folder.join("a.yaml"), yaml).unwrap();
        manifest::read(&[folder]).map_err(EditError::Problems)
    }
}

async fn open(desk: &Desk, compiler: &Arc<Lines>) -> Registry {
    let options = RegistryOptions { compiler: Some(compiler.clone()), serves: true };
    Registry::open_with(desk.store.clone(), desk.vault.clone(), desk.clock.clone(), options).await.unwrap()
}

fn problems(error: EditError) -> String {
    match error {
        EditError::Problems(p) => p.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_contract_gives_its_operations_is_compiled_once_and_applies_again_to_nothing() {
    let p = Place::new().await;
    let applied = p.apply("<Look/>\n<Save/>", "t", false).await.unwrap();
    assert_eq!(applied.plan.warnings, ["service dancu 1.0: so so"]);
    let snapshot = p.registry.snapshot().load_full();
    let version = &snapshot.services["dancu"].versions[0];
    let found: Vec<&str> = version.operations.iter().map(|o| o.spec.name.as_str()).collect();
    assert_eq!(found, ["Look", "Save"]);
    assert!(version.mediator.is_some());
    assert_eq!(p.compiler.0.load(SeqCst), 1);
    assert!(p.apply("<Look/>\n<Save/>", "t", false).await.unwrap().plan.is_empty());
    let before = p.compiler.0.load(SeqCst);
    p.apply("<Look/>\n<Save/>", "another title", false).await.unwrap();
    assert_eq!(p.compiler.0.load(SeqCst), before, "an unrelated change compiles nothing");
}

#[tokio::test]
async fn a_wrong_contract_changes_nothing_and_is_told_by_its_place_in_both_files() {
    let p = Place::new().await;
    let told = problems(p.apply("<Look/>\n<bad/>", "t", false).await.unwrap_err());
    assert!(told.contains("a.yaml:10:") && told.contains("a.wsdl:2:2: is bad"), "{told}");
    assert!(p.registry.get(Kind::Service, "dancu").is_none());
    let item = serde_json::json!({"system": "kho-du-lieu", "title": "t", "protocol": "soap", "versions": [{"version": "1", "lifecycle": "draft",
        "targets": [{"url": "http://10.0.0.1/"}], "contract": {"file": "/etc/passwd"}}]});
    let told = problems(p.registry.put(Kind::Service, "d2", item, &operator()).await.unwrap_err());
    assert!(told.contains("upload"), "files of this machine are not the sender's to name: {told}");
}

#[tokio::test]
async fn a_published_contract_breaks_nobody_unless_that_is_accepted_and_on_the_trail() {
    let p = Place::new().await;
    p.apply("<Look/>\n<Save/>", "t", false).await.unwrap();
    let told = problems(p.apply("<Look/>", "t", false).await.unwrap_err());
    assert!(told.contains("Save: gone") && told.contains("--accept-breaking"), "{told}");
    let applied = p.apply("<Look/>", "t", true).await.unwrap();
    assert_eq!(applied.plan.contracts[0].changes[0].place, "Save");
}

#[tokio::test]
async fn another_node_and_a_copy_on_disk_have_the_files_too() {
    let p = Place::new().await;
    p.apply("<Look/>", "t", false).await.unwrap();
    let compiler = Arc::new(Lines::default());
    let other = open(&p.desk, &compiler).await;
    assert!(other.snapshot().load().services["dancu"].versions[0].mediator.is_some());
    let path = p.desk.folder.path().join("copy");
    p.registry.save_copy(&path).unwrap();
    let options = RegistryOptions { compiler: Some(compiler), serves: true };
    let (node, _) = Registry::open_copy_with(&path, 60, vault(1), p.desk.clock.clone(), options).unwrap();
    assert!(node.snapshot().load().services["dancu"].versions[0].mediator.is_some());
}

#[tokio::test]
async fn of_two_contracts_at_once_one_holds_whole_and_on_every_node() {
    let p = Place::new().await;
    p.apply("<Look/>\n<Save/>", "t", false).await.unwrap();
    let other = open(&p.desk, &Arc::new(Lines::default())).await;
    let one = p.declared("one", "<Look/>\n<Save/>\n<One/>", "t").unwrap();
    let two = p.declared("two", "<Look/>\n<Save/>\n<Two/>", "t").unwrap();
    let options = || PlanOptions { accept_breaking: true, ..PlanOptions::default() };
    let who = operator();
    let (a, b) = tokio::join!(p.registry.apply(&one, options(), &who), other.apply(&two, options(), &who));
    assert!(a.is_ok() || b.is_ok(), "{a:?} {b:?}");
    let mut found = Vec::new();
    for registry in [&p.registry, &other] {
        registry.refresh().await.unwrap();
        let snapshot = registry.snapshot().load_full();
        let version = &snapshot.services["dancu"].versions[0];
        assert!(version.mediator.is_some());
        found.push(version.operations.iter().map(|o| o.spec.name.clone()).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(found[0], found[1]);
    assert!(["Look Save One", "Look Save Two"].contains(&found[0].as_str()), "{found:?}");
}

#[tokio::test]
async fn files_are_uploaded_named_by_their_digest_and_swept_when_nothing_names_them() {
    let p = Place::new().await;
    let files = |text: &'static str| [("a.wsdl".to_owned(), text.into())].into();
    let digest = p.registry.upload(files("<Look/>")).await.unwrap();
    let unused = p.registry.upload(files("<Other/>")).await.unwrap();
    let item = serde_json::json!({"system": "kho-du-lieu", "title": "t", "protocol": "soap", "versions": [{"version": "1", "lifecycle": "published",
        "targets": [{"url": "http://10.0.0.1/"}], "contract": {"digest": digest, "main": "a.wsdl"}}]});
    p.registry.put(Kind::Service, "dancu", item, &operator()).await.unwrap();
    p.desk.clock.advance(2 * 86_400_000);
    assert_eq!(p.registry.sweep_contracts().await.unwrap(), 1);
    assert!(p.registry.contract_files(&unused).await.unwrap().is_none());
    assert!(p.registry.contract_files(&digest).await.unwrap().is_some());
}
