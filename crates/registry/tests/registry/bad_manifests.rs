//! Declarations that are wrong: each problem named by file, line, column and field, all of them in one run, and nothing changed.

use crate::help::Desk;

struct Case {
    what: &'static str,
    yaml: &'static str,
    problems: &'static [&'static str],
}

#[path = "bad_cases.rs"]
mod bad_cases;

use bad_cases::CASES;

#[tokio::test]
async fn each_mistake_is_named_and_changes_nothing() {
    let desk = Desk::province().await;
    let before = desk.registry.export();
    let mut wrong = String::new();
    for case in CASES {
        let found = desk.problems(case.yaml).await;
        if found != case.problems {
            wrong.push_str(&format!("== {}\n", case.what));
            for line in found {
                wrong.push_str(&format!("            {line:?},\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(desk.registry.export(), before, "a refused declaration changed something");
    assert_eq!(desk.store.generation().await.unwrap(), 1);
}
