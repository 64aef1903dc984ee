//! `lgsp.toml`: the example says what is true, the environment overrides, and mistakes are explained where they stand.

use lgsp_node::config::load::{all_keys, load};
use lgsp_node::config::schema::{Config, LIVE_KEYS, SECRET_KEYS};
use lgsp_node::config::{EXAMPLE, Listen, Loaded, Origin, Problem, check, show};
use std::path::PathBuf;

fn read(text: &str, env: &[(&str, &str)]) -> Result<Loaded, Vec<Problem>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lgsp.toml");
    std::fs::write(&file, text).unwrap();
    load(Some(&file), env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
}

/// What is wrong with a text, without the folder it lay in.
fn faults(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    let found = match read(text, env) {
        Ok(loaded) => check::values(&loaded),
        Err(found) => found,
    };
    found
        .iter()
        .map(|p| p.to_string().rsplit_once("/lgsp.toml:").map_or(p.to_string(), |(_, t)| t.to_owned()))
        .collect()
}

#[test]
fn the_example_file_is_exactly_the_defaults_and_names_every_key() {
    let loaded = read(EXAMPLE, &[]).unwrap();
    assert_eq!(loaded.config, Config::default());
    for key in all_keys(&toml::Table::try_from(Config::default()).unwrap()) {
        assert!(matches!(loaded.origin(&key), Origin::File { .. }), "{key} is not in packaging/lgsp.toml");
    }
    assert_eq!(check::values(&loaded), []);
}

#[test]
fn the_example_file_marks_the_keys_that_a_reload_applies() {
    let keys = all_keys(&toml::Table::try_from(Config::default()).unwrap());
    assert!(LIVE_KEYS.iter().chain(SECRET_KEYS).all(|k| keys.iter().any(|known| known == k)));
    let (mut section, mut comment) = (String::new(), String::new());
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
            comment.clear();
        } else if line.starts_with('#') {
            comment.push_str(line);
        } else if let Some((key, _)) = line.split_once(" = ") {
            let key = format!("{section}.{key}");
            assert_eq!(comment.contains("[live]"), LIVE_KEYS.contains(&key.as_str()), "{key}");
            comment.clear();
        }
    }
}

#[test]
fn the_environment_overrides_the_file_which_overrides_the_defaults() {
    let text = "[listen]\nhttp = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\n";
    let env = [
        ("LGSP__LISTEN__HTTP", "0.0.0.0:9"),
        ("LGSP__NODE__WORKER_THREADS", "3"),
        ("LGSP__PROVIDER__ALLOW", "10.0.0.0/8, 127.0.0.0/8"),
        ("LGSP__TELEMETRY__OTLP_SAMPLE", "0.5"),
        ("PATH", "/bin"),
    ];
    let loaded = read(text, &env).unwrap();
    assert_eq!(loaded.config.listen.http, Listen("0.0.0.0:9".parse().ok()));
    assert_eq!(loaded.config.node.worker_threads, 3);
    assert_eq!(loaded.config.provider.allow.len(), 2);
    assert_eq!(loaded.origin("listen.http"), &Origin::Env("LGSP__LISTEN__HTTP".into()));
    assert_eq!(loaded.origin("listen.admin"), &Origin::File { line: 3, column: 9 });
    assert_eq!(loaded.origin("listen.https"), &Origin::Default);
}

#[test]
fn every_mistake_is_explained_at_its_place_and_all_at_once() {
    let text = "[listn]\nhttp = \"\"\n[listen]\nhtp = \"127.0.0.1:1\"\nadmin = \"localhost\"\n[log]\nsegment = 64\nqueue = \"many\"\n";
    assert_eq!(
        faults(text, &[]),
        [
            "1:2: listn: unknown section\n    did you mean [listen]?",
            "4:1: listen.htp: unknown key\n    did you mean listen.http?",
            "5:9: listen.admin: \"localhost\" is not an address: write an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8443\", or \"\" for none",
            "7:11: log.segment: invalid type: integer `64`, expected a string",
            "8:9: log.queue: invalid type: string \"many\", expected usize",
        ]
    );
}

#[test]
fn a_text_that_is_not_toml_is_placed_too() {
    let found = faults("[listen]\nhttp = \"127.0.0.1:1\nadmin = 3\n", &[]);
    assert!(found[0].starts_with("2:"), "{found:?}");
    let found = faults("[listen]\nhttp = \"\"\nhttp = \"\"\n", &[]);
    assert!(found[0].starts_with("3:1: not TOML: duplicate key"), "{found:?}");
    assert_eq!(
        faults("http = \"\"\n", &[]),
        ["1:1: http: unknown key outside any section\n    did you mean listen.http?"]
    );
    assert_eq!(
        faults("listen = 3\n", &[]),
        ["1:1: listen: is a section: write [listen] and its keys below it"]
    );
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let env = [("LGSP__LISTEN__HTPS", "x"), ("LGSP__LOG__QUEUE", "many"), ("LGSP__DRAIN__LIMIT", "30")];
    assert_eq!(
        faults("", &env),
        [
            "environment LGSP__LISTEN__HTPS: listen.htps: unknown key\n    did you mean LGSP__LISTEN__HTTPS?",
            "environment LGSP__LOG__QUEUE: log.queue: \"many\" is not a integer",
            "environment LGSP__DRAIN__LIMIT: drain.limit: \"30\" is not a duration: write a whole number and ms, s, m, h or d, such as \"30s\"",
        ]
    );
}

#[test]
fn values_that_make_no_sense_together_are_found() {
    let text = "[listen]\nhttp = \"0.0.0.0:8080\"\nadmin = \"127.0.0.1:8080\"\nhttps = \"0.0.0.0:8443\"\n[drain]\nlimit = \"2h\"\n[telemetry]\nlevel = \"loud=\"\notlp_sample = 1.5\n[store]\nurl = \"mysql://x\"\n";
    let found = faults(text, &[]);
    let starts = [
        "11:7: store.url: names no store that lgsp knows",
        "3:9: listen.admin: 127.0.0.1:8080 is taken by listen.http = 0.0.0.0:8080",
        "tls.cert: is not set, but listen.https is",
        "tls.key: is not set, but listen.https is",
        "6:9: drain.limit: 2h is not sensible: between 0ms and 1h",
        "8:9: telemetry.level: \"loud=\" is not a level",
        "9:15: telemetry.otlp_sample: must be between 0.0 and 1.0",
    ];
    for start in starts {
        assert!(found.iter().any(|f| f.contains(start)), "{start} is not in {found:#?}");
    }
    assert_eq!(found.len(), starts.len(), "{found:#?}");
}

#[test]
fn what_is_shown_is_itself_a_configuration_without_secrets() {
    let env = [
        ("LGSP__TELEMETRY__OTLP_AUTHORIZATION", "Bearer mat-khau-1"),
        ("LGSP__STORE__URL", "postgres://lgsp:mat-khau-2@db/lgsp"),
    ];
    let loaded = read("[node]\nname = \"tinh-a\"\n", &env).unwrap();
    let shown = show::show(&loaded);
    assert!(!shown.contains("mat-khau"), "{shown}");
    assert!(shown.contains("name = \"tinh-a\"") && shown.contains("# file, line 2"), "{shown}");
    assert!(shown.contains("# environment LGSP__STORE__URL"), "{shown}");
    assert!(read(&shown, &[]).is_ok());
}

#[test]
fn files_are_checked_with_their_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let text = format!("[node]\ndata_dir = \"{}\"\n", dir.path().display());
    let loaded = read(&text, &[]).unwrap();
    let found = check::check(&loaded, None);
    assert!(found.len() == 1 && found[0].message.contains("there is no master key"), "{found:?}");
    let key = loaded.config.master_key_file();
    lgsp_node::master_key::create(&key).unwrap();
    assert_eq!(check::check(&loaded, None), []);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let found = check::check(&loaded, None);
    assert!(found[0].message.ends_with(&format!("run: chmod 0600 {}", key.display())), "{found:?}");
    let gone = read("[node]\ndata_dir = \"/nonexistent/lgsp\"\n", &[]).unwrap();
    let found = check::check(&gone, None);
    assert!(found[0].key == "node.data_dir" && found[0].help.as_deref().unwrap().contains("lgsp init"));
    assert_eq!(gone.file.as_deref().map(PathBuf::from).unwrap().file_name().unwrap(), "lgsp.toml");
}
