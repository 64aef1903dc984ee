//! Given nodes that see each other's checkpoints, when a log forks, then it is reported in bounded time, and when it does not, nothing is.
#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use lgsp_evidence::disk::Simulated;
use lgsp_evidence::tree::roots_from_consistency;
use lgsp_evidence::{Checkpoint, Disk, Hash};
use lgsp_kernel::Clock;
use lgsp_witness::monitor::*;

use proptest::prelude::*;

/// Design: what does not fit is reported in five minutes.
const BOUND_MS: i64 = 300_000;
const ROUND_MS: i64 = 15_000;

struct Scene {
    disk: Disk,
    clock: Clock,
    monitor: Monitor,
}

impl Scene {
    fn new() -> Self {
        Self::at(&clock())
    }
    fn at(clock: &Clock) -> Self {
        let disk = Disk::Simulated(Simulated::default());
        let monitor = Monitor::open_on(disk.clone(), "/monitor", clock.clone(), logs()).unwrap();
        Self { disk, clock: clock.clone(), monitor }
    }
    /// The process ends and another begins.
    fn restart(&mut self) {
        self.monitor = Monitor::open_on(self.disk.clone(), "/monitor", self.clock.clone(), logs()).unwrap();
    }
    async fn round(&self, owner: &Shows) {
        self.monitor.round(owner).await;
    }
    async fn rounds(&self, owner: &Shows, n: usize) {
        for _ in 0..n {
            self.round(owner).await;
            self.clock.advance(ROUND_MS);
        }
    }
    fn kinds(&self) -> Vec<ReportKind> {
        self.monitor.reports().iter().filter(|r| r.resolved_at.is_none()).map(|r| r.kind).collect()
    }
}

fn root(text: &str) -> Hash {
    Hash::from_base64(text).unwrap()
}

/// A fork's report must convince somebody who has only the log's public key.
fn stands_alone(r: &Report) {
    let check = |s: &SignedBy| logs()(&r.origin)[0].check(&s.note).unwrap();
    let (known, other): (Checkpoint, Checkpoint) = (check(&r.known), check(&r.other));
    if known.size == other.size {
        assert_ne!(known.root, other.root);
        return;
    }
    let (old, new) = if known.size < other.size { (known, other) } else { (other, known) };
    let proof: Vec<Hash> = r.proof.iter().map(|h| root(h)).collect();
    let (begins_with, whole) = roots_from_consistency(old.size, old.root, new.size, &proof).unwrap();
    assert_eq!(whole, new.root);
    assert_ne!(begins_with, old.root);
}

#[tokio::test]
async fn an_honest_log_seen_in_any_order_is_never_reported() {
    let (scene, tree) = (Scene::new(), Tree::new(300));
    let owner = Shows::new(&tree);
    for (i, size) in [50, 20, 0, 64, 300, 1, 128, 255, 256, 20, 299].into_iter().enumerate() {
        scene.monitor.see(&tree.checkpoint(size).note, ["b", "c"][i % 2]).unwrap();
        scene.rounds(&owner, 2).await;
    }
    scene.rounds(&owner, 30).await;
    assert_eq!(scene.monitor.reports(), []);
    let logs = scene.monitor.logs();
    assert_eq!((logs[0].head.size, logs[0].pending, logs[0].restored), (300, 0, false));
    assert_eq!(scene.monitor.see(&tree.checkpoint(300).note, "d"), Ok(Sighting::Known));
}

#[tokio::test]
async fn two_trees_of_one_size_are_reported_at_once_and_after_a_restart_too() {
    let mut scene = Scene::new();
    let (tree, fork) = (Tree::new(100), Tree::forked(100, 70));
    scene.monitor.see(&tree.checkpoint(80).note, "b").unwrap();
    assert_eq!(scene.monitor.see(&fork.checkpoint(80).note, "c"), Ok(Sighting::Fork));
    let reports = scene.monitor.reports();
    assert_eq!((reports.len(), reports[0].kind), (1, ReportKind::Fork));
    assert_eq!((reports[0].known.from.as_str(), reports[0].other.from.as_str()), ("b", "c"));
    stands_alone(&reports[0]);
    scene.restart();
    assert_eq!(scene.monitor.reports(), reports);
    scene.monitor.see(&tree.checkpoint(80).note, "b").unwrap();
    scene.monitor.see(&fork.checkpoint(80).note, "c").unwrap();
    assert_eq!(scene.monitor.reports().len(), 1, "it is reported once");
}

#[tokio::test]
async fn a_branch_shown_to_another_peer_is_found_by_the_owner_s_own_proof() {
    for (seen, forked) in [(60, 90), (90, 60), (100, 65)] {
        let scene = Scene::new();
        let (tree, fork) = (Tree::new(100), Tree::forked(100, 55));
        scene.monitor.see(&tree.checkpoint(seen).note, "b").unwrap();
        scene.monitor.see(&fork.checkpoint(forked).note, "c").unwrap();
        // Whichever branch it goes on with, it cannot prove both.
        scene.rounds(&Shows::new(if seen > forked { &tree } else { &fork }), 1).await;
        assert_eq!(scene.kinds(), [ReportKind::Fork], "{seen} {forked}");
        stands_alone(&scene.monitor.reports()[0]);
    }
}

#[tokio::test]
async fn what_was_reported_as_unproven_is_still_asked_for_after_an_end_before_the_bookkeeping() {
    for first_round in [true, false] {
        let mut scene = Scene::new();
        let tree = Tree::new(100);
        let owner = Shows::new(&tree);
        scene.monitor.see(&tree.checkpoint(50).note, "b").unwrap();
        if first_round {
            scene.round(&owner).await;
        }
        scene.monitor.see(&tree.checkpoint(60).note, "c").unwrap();
        scene.clock.advance(BOUND_MS);
        // Writes the report, not what it waits for.
        scene.monitor.judge();
        scene.restart();
        assert_eq!(scene.kinds(), [ReportKind::Unproven]);
        assert_eq!(scene.monitor.logs()[0].pending, 1);
        scene.rounds(&owner, 2).await;
        assert_eq!(scene.kinds(), [], "its owner has shown that it fits");
        assert_eq!(scene.monitor.logs()[0].head.size, 60);
        scene.restart();
        assert_eq!(scene.kinds(), []);
    }
}

#[tokio::test]
async fn an_owner_who_proves_nothing_or_something_else_is_reported_in_time() {
    let (tree, fork) = (Tree::new(100), Tree::forked(100, 55));
    let shows_the_other = Shows::new(&tree);
    let away = Shows::new(&tree);
    *away.away.lock() = true;
    let cut = Shows::new(&Tree::new(70));
    for (owner, why) in
        [(&shows_the_other, "does not lead"), (&away, "does not answer"), (&cut, "not as many")]
    {
        let mut scene = Scene::new();
        scene.monitor.see(&tree.checkpoint(60).note, "b").unwrap();
        scene.monitor.see(&fork.checkpoint(90).note, "c").unwrap();
        let begun = scene.clock.now().0;
        while scene.kinds().is_empty() && scene.clock.now().0 < begun + BOUND_MS {
            scene.rounds(owner, 1).await;
            scene.restart();
        }
        let report = &scene.monitor.reports()[0];
        assert_eq!(report.kind, ReportKind::Unproven);
        assert!(report.why.contains(why), "{}", report.why);
        assert!(report.reported_at.0 - begun <= BOUND_MS - ROUND_MS);
    }
}

#[tokio::test]
async fn what_could_not_be_proven_while_the_owner_was_down_is_solved_when_it_is_back() {
    let (scene, tree) = (Scene::new(), Tree::new(100));
    let owner = Shows::new(&tree);
    *owner.away.lock() = true;
    scene.monitor.see(&tree.checkpoint(60).note, "b").unwrap();
    scene.monitor.see(&tree.checkpoint(90).note, "c").unwrap();
    scene.rounds(&owner, 10).await;
    assert_eq!(scene.kinds(), [], "two minutes are no reason yet");
    scene.rounds(&owner, 20).await;
    assert_eq!(scene.kinds(), [ReportKind::Unproven]);
    *owner.away.lock() = false;
    scene.rounds(&owner, 2).await;
    assert_eq!(scene.kinds(), []);
    assert!(scene.monitor.reports()[0].resolved_at.is_some());
}

#[tokio::test]
async fn a_flood_is_bounded_and_the_oldest_suspect_stays() {
    let (scene, tree, fork) = (Scene::new(), Tree::new(6000), Tree::forked(6000, 100));
    let owner = Shows::new(&tree);
    scene.monitor.see(&tree.checkpoint(50).note, "b").unwrap();
    scene.monitor.see(&fork.checkpoint(150).note, "c").unwrap();
    for size in 200..1200 {
        scene.monitor.see(&tree.checkpoint(size).note, "c").unwrap();
    }
    assert!(scene.monitor.logs()[0].pending <= 512);
    scene.rounds(&owner, 20).await;
    assert_eq!(scene.kinds(), [ReportKind::Fork]);
    assert_eq!(scene.monitor.reports()[0].other.size, 150);
    assert!(*owner.asked.lock() < 700);
}

#[tokio::test]
async fn a_new_epoch_is_shown_and_strangers_and_forgeries_are_refused() {
    let (scene, tree) = (Scene::new(), Tree::new(100));
    scene.monitor.see(&tree.checkpoint(50).note, "b").unwrap();
    assert_eq!(scene.monitor.see(&tree.of("lgsp/tinh-a/log/2", 3).note, "b"), Ok(Sighting::First));
    let shown: Vec<_> = scene.monitor.logs().into_iter().map(|l| (l.head.size, l.restored)).collect();
    assert_eq!(shown, [(50, false), (3, true)]);
    let forged = tree.checkpoint(60).note.replacen("\n60\n", "\n61\n", 1);
    assert!(matches!(scene.monitor.see(&forged, "b"), Err(SeeError::Unsigned(_))));
    let stranger = lgsp_evidence::LogKey::for_node("tinh-x", [1; 32])
        .sign("lgsp/tinh-x/log/1", 5, tree.root(5))
        .unwrap();
    assert_eq!(scene.monitor.see(&stranger.note, "b"), Err(SeeError::UnknownLog));
    assert!(matches!(scene.monitor.see("nothing", "b"), Err(SeeError::Malformed(_))));
    for epoch in 3..1000 {
        let seen = scene.monitor.see(&tree.of(&format!("lgsp/tinh-a/log/{epoch}"), 1).note, "b");
        assert_eq!(seen.is_err(), epoch > 256, "{epoch}");
    }
}

#[tokio::test]
async fn what_peers_hand_to_the_hub_shows_it_the_two_branches() {
    let (tree, fork) = (Tree::new(100), Tree::forked(100, 55));
    let clock = clock();
    let (b, c, hub) = (Scene::at(&clock), Scene::at(&clock), Scene::at(&clock));
    let (to_b, to_c) = (Shows::new(&tree), Shows::new(&fork));
    for size in [10, 60, 90] {
        b.monitor.see(&tree.checkpoint(size).note, "a").unwrap();
        c.monitor.see(&fork.checkpoint(size + 3).note, "a").unwrap();
        b.round(&to_b).await;
        c.round(&to_c).await;
        for (peer, name) in [(&b, "b"), (&c, "c")] {
            for note in peer.monitor.handover() {
                hub.monitor.see(&note, name).unwrap();
            }
            assert_eq!(peer.monitor.handover(), Vec::<String>::new());
        }
    }
    assert_eq!((b.kinds(), c.kinds()), (vec![], vec![]), "each sees one branch");
    // To the hub the owner shows either.
    hub.rounds(&to_b, 20).await;
    assert!(!hub.kinds().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// An owner with two branches shows checkpoints of either, answers from either, is away at times; the monitor is restarted at times.
    #[test]
    fn no_fork_that_was_seen_goes_unreported_and_no_honest_log_is_called_forked(
        forks in any::<bool>(),
        at in 0u64..100,
        steps in proptest::collection::vec((1u64..100, any::<bool>(), 0u8..8), 2..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut scene = Scene::new();
            let (tree, fork) = (Tree::new(100), if forks { Tree::forked(100, at) } else { Tree::new(100) });
            let owner = Shows::new(&tree);
            let mut shown: Vec<(u64, Hash)> = Vec::new();
            for (size, second, action) in steps {
                let branch = if second { &fork } else { &tree };
                scene.monitor.see(&branch.checkpoint(size).note, "b").unwrap();
                shown.push((size, branch.root(size)));
                match action {
                    0 => *owner.away.lock() ^= true,
                    1 => *owner.tree.lock() = branch.clone(),
                    2 => {
                        scene.rounds(&owner, 1).await;
                        scene.restart();
                    }
                    3 => scene.rounds(&owner, 1).await,
                    _ => {}
                }
            }
            let fits = |t: &Tree| shown.iter().all(|(size, root)| t.root(*size) == *root);
            let honest = fits(&tree) || fits(&fork);
            scene.rounds(&owner, 20).await;
            let kinds = scene.kinds();
            if honest {
                assert!(!kinds.contains(&ReportKind::Fork), "{kinds:?}");
            } else {
                assert!(!kinds.is_empty(), "a fork went unreported: {shown:?}");
            }
            scene.monitor.reports().iter().filter(|r| r.kind == ReportKind::Fork).for_each(stands_alone);
        });
    }
}
