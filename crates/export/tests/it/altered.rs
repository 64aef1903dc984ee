//! Containers in which something was changed: by whoever passed them on, and by an exporter who seals what is not true.

use crate::container::{options, sealed, verify};
use crate::country::{Country, Hub, Mode, country, delegation};
use lgsp_evidence::hash::sha256;
use lgsp_export::asice::{Container, checkpoint_digest};
use lgsp_export::tsa::Authority;
use lgsp_kernel::Clock;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

type Members = Vec<(String, Vec<u8>)>;

fn read(container: &[u8]) -> Members {
    let mut zip = ZipArchive::new(Cursor::new(container)).unwrap();
    (0..zip.len())
        .map(|i| {
            let mut file = zip.by_index(i).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().to_owned(), bytes)
        })
        .collect()
}

/// Packs members with right checksums, so that it is the script that must notice.
fn pack(members: &Members) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in members {
        zip.start_file(name, stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Makes manifest and timestamp anew over changed members: what a lying exporter can do.
fn reseal(members: &mut Members, c: &Country) {
    let digests: Vec<(String, String)> =
        members.iter().map(|(n, b)| (n.clone(), sha256(b).base64())).collect();
    let at = members.iter().position(|(n, _)| n == "META-INF/ASiCManifest002.xml").unwrap();
    let mut xml = String::new();
    let mut digest = "";
    for line in std::str::from_utf8(&members[at].1).unwrap().lines() {
        if let Some(rest) = line.strip_prefix("<asic:DataObjectReference URI=\"") {
            let name = rest.split('"').next().unwrap();
            digest = digests.iter().find(|(n, _)| n == name).map_or("", |(_, d)| d);
        }
        if line.starts_with("<ds:DigestValue>") {
            xml.push_str(&format!("<ds:DigestValue>{digest}</ds:DigestValue>\n"));
        } else {
            xml.push_str(&format!("{line}\n"));
        }
    }
    let token = c.tsa.stamp(&sha256(xml.as_bytes()).0).unwrap();
    members[at].1 = xml.into_bytes();
    members.iter_mut().find(|(n, _)| n == "META-INF/timestamp002.tst").unwrap().1 = token;
}

fn stamped(c: &Country) -> Members {
    let mut container = Container::of(&c.bundle).unwrap();
    container.stamp(c.tsa.stamp(&container.manifest_digest()).unwrap()).unwrap();
    read(&container.to_zip().unwrap())
}

/// Runs a check for each number, two at a time, each in a folder of its own.
fn each(count: usize, options_of: &Country, check: impl Fn(usize, &Path, &str) + Sync) {
    std::thread::scope(|s| {
        for part in 0..2 {
            let check = &check;
            s.spawn(move || {
                let dir = tempfile::tempdir().unwrap();
                let options = options(dir.path(), options_of);
                (part..count).step_by(2).for_each(|n| check(n, dir.path(), &options));
            });
        }
    });
}

#[test]
fn one_altered_byte_in_any_member_is_noticed() {
    let c = country(Mode::Group);
    let members = read(&sealed(&c));
    assert!(members.len() > 40, "{}", members.len());
    each(members.len(), &c, |n, dir, options| {
        let mut altered = members.clone();
        let name = altered[n].0.clone();
        let bytes = &mut altered[n].1;
        // Signatures and tokens have bytes that say nothing; in their second half is the signature.
        let at = if name.starts_with("META-INF/") { bytes.len() - 9 } else { bytes.len() / 2 };
        bytes[at] ^= 1;
        let (code, text) = verify(dir, options, &pack(&altered));
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.lines().last().unwrap().starts_with("FAILED "), "{name}: {text}");
        if !name.contains("META-INF") {
            assert!(text.contains(&format!("FAILED {name}: ")), "{name}: {text}");
        }
    });
}

#[test]
fn a_removed_an_added_and_a_swapped_member_are_noticed() {
    let c = country(Mode::Message);
    let members = read(&sealed(&c));
    each(members.len() + 3, &c, |n, dir, options| {
        let mut altered = members.clone();
        let find = |name: &str| members.iter().position(|(n, _)| n == name).unwrap();
        let what = match n.checked_sub(members.len()) {
            None => format!("without {}", altered.remove(n).0),
            Some(0) => {
                altered.push(("entries/99/record.json".into(), b"{}".to_vec()));
                "with another".into()
            }
            Some(1) => {
                let (a, b) = (find("entries/01/salt.bin"), find("entries/02/salt.bin"));
                (altered[a].1, altered[b].1) = (members[b].1.clone(), members[a].1.clone());
                "with two swapped".into()
            }
            Some(_) => {
                altered.swap(0, 1);
                "with the media type second".into()
            }
        };
        let (code, text) = verify(dir, options, &pack(&altered));
        assert_eq!(code, 1, "{what}: {text}");
    });
}

#[test]
fn an_exporter_who_seals_altered_evidence_is_found_out() {
    for (mode, of) in [(Mode::Group, ""), (Mode::Message, "statements/02/")] {
        let c = country(mode);
        let members = stamped(&c);
        // What evidence does not rest on: the explanation, copies of what a verifier brings, and what was just sealed anew.
        let aside = ["README.txt", "mimetype", "authorities/", "timestamp-authorities/", "META-INF/"];
        let is_evidence = |name: &str| name.starts_with(of) && !aside.iter().any(|a| name.starts_with(a));
        let evidence: Vec<usize> = (0..members.len()).filter(|i| is_evidence(&members[*i].0)).collect();
        each(evidence.len(), &c, |n, dir, options| {
            let mut altered = members.clone();
            let (name, bytes) = &mut altered[evidence[n]];
            let (name, at) = (name.clone(), bytes.len() / 2);
            bytes[at] ^= 1;
            reseal(&mut altered, &c);
            let (code, text) = verify(dir, options, &pack(&altered));
            // A cosignature under an altered name is one of an unknown witness.
            assert!(code == 1 || name.ends_with("cosignatures.txt") && code == 3, "{name}: {code} {text}");
        });
    }
}

#[test]
fn parts_exchanged_by_the_exporter_are_found_out() {
    let c = country(Mode::Group);
    let members = stamped(&c);
    let pairs = [
        ("entries/01/salt.bin", "entries/02/salt.bin"),
        ("entries/01/record.json", "entries/04/record.json"),
        ("entries/01/path.txt", "entries/04/path.txt"),
        ("entries/01/body-01-request.bin", "entries/04/body-01-answer.bin"),
        ("statements/01/base.txt", "statements/02/base.txt"),
        ("statements/01/about.txt", "statements/02/about.txt"),
        ("delegations/01.txt", "delegations/02.txt"),
        ("checkpoints/01/note.txt", "checkpoints/02/note.txt"),
        ("keys/log-01.vkey", "keys/witness-01.vkey"),
    ];
    each(pairs.len(), &c, |n, dir, options| {
        let find = |name: &str| members.iter().position(|(m, _)| m == name).expect(name);
        let (a, b) = (find(pairs[n].0), find(pairs[n].1));
        let mut altered = members.clone();
        (altered[a].1, altered[b].1) = (members[b].1.clone(), members[a].1.clone());
        reseal(&mut altered, &c);
        let (code, text) = verify(dir, options, &pack(&altered));
        assert_eq!(code, 1, "{:?}: {text}", pairs[n]);
    });
}

#[test]
fn certificates_of_another_authority_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut c = country(Mode::Group);
    let options = options(dir.path(), &c);
    let foreign = Hub::new();
    let forged = foreign.issue("lgsp:node:tinh-a", "");
    let mut container = Container::of(&c.bundle).unwrap();
    container.sign(std::slice::from_ref(&forged.certificate), &forged).unwrap();
    let (code, text) = verify(dir.path(), &options, &container.to_zip().unwrap());
    assert_eq!((code, text.contains("FAILED META-INF/signature001.p7s")), (1, true), "{text}");

    let neighbour = c.hub.issue("lgsp:node:tinh-b", "");
    c.bundle.made = Clock::System.now();
    let mut container = Container::of(&c.bundle).unwrap();
    container.sign(std::slice::from_ref(&neighbour.certificate), &neighbour).unwrap();
    let (code, text) = verify(dir.path(), &options, &container.to_zip().unwrap());
    assert_eq!((code, text.contains("for another node than tinh-a")), (1, true), "{text}");

    let agency = foreign.issue("lgsp:agency:G15", "");
    for (by, why) in [
        (&agency, "no accepted authority"),
        (&c.hub.issue("lgsp:agency:H01.15", ""), "of another agency than G15"),
        (&c.hub.issue("lgsp:agency:G15", "extendedKeyUsage=clientAuth"), "is one for connections"),
    ] {
        c.bundle.delegations.truncate(2);
        c.bundle.delegations.push(delegation("G15", "bo-y", "message", &[1; 32], by));
        let (code, text) = verify(dir.path(), &options, &sealed(&c));
        assert_eq!((code, text.contains(why)), (1, true), "{why}: {text}");
    }
}

#[test]
fn a_wrong_timestamp_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut c = country(Mode::Group);
    let options = options(dir.path(), &c);
    let other = Authority::create("TSA", Clock::System).unwrap();
    let digest = checkpoint_digest(&c.bundle.checkpoints[0].note).unwrap();
    for (token, what) in [
        (other.stamp(&digest).unwrap(), "of an authority that nobody accepts"),
        (c.tsa.stamp(&[1; 32]).unwrap(), "of something else"),
        (b"no token".to_vec(), "no token"),
    ] {
        c.bundle.checkpoints[0].tokens = vec![token];
        let (code, text) = verify(dir.path(), &options, &sealed(&c));
        assert_eq!((code, text.contains("timestamp-01.tst: it")), (1, true), "{what}: {text}");
    }
    c.bundle.checkpoints[0].tokens.clear();
    let mut container = Container::of(&c.bundle).unwrap();
    container.stamp(other.stamp(&container.manifest_digest()).unwrap()).unwrap();
    let (code, text) = verify(dir.path(), &options, &container.to_zip().unwrap());
    assert_eq!((code, text.contains("FAILED META-INF/timestamp002.tst")), (1, true), "{text}");
}

#[test]
fn what_is_no_container_is_refused_without_being_unpacked_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let c = country(Mode::Group);
    let options = options(dir.path(), &c);
    let members = read(&sealed(&c));
    let with = |name: &str| {
        let mut m = members.clone();
        m.push((name.into(), b"x".to_vec()));
        pack(&m)
    };
    for bad in [
        b"hello".to_vec(),
        vec![],
        pack(&members)[..2000].to_vec(),
        with("../outside.txt"),
        with("/tmp/outside.txt"),
        with("a b"),
        with("-rf"),
        with("$(id)"),
    ] {
        let (code, text) = verify(dir.path(), &options, &bad);
        assert_eq!(code, 1, "{text}");
    }
    assert!(!dir.path().join("outside.txt").exists());
}
