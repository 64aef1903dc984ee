//! Administration tokens.

use crate::support::World;
use lgsp_identity::{AdminTokenError, AdminTokens};
use lgsp_kernel::context::Role;
use lgsp_kernel::{Actor, OpContext};

fn by(world: &World) -> OpContext {
    OpContext {
        actor: Actor::Shell { user: "root".into() },
        reason: Some("first token".into()),
        at: world.clock.now(),
    }
}

fn tokens(world: &World) -> AdminTokens {
    AdminTokens::new(world.store.clone(), world.vault.clone(), world.clock.clone())
}

#[tokio::test]
async fn a_token_names_its_holder_until_it_is_revoked() {
    let world = World::new().await;
    let tokens = tokens(&world);
    let secret = tokens.create("lan", Role::Operator, None, &by(&world)).await.unwrap();
    let text = secret.expose_str().unwrap();
    assert!(text.starts_with("lgsp_admin_") && text.len() > 50);
    let lan = Actor::Operator { name: "lan".into(), role: Role::Operator };
    assert_eq!(tokens.verify(text).await.unwrap(), Some(lan));
    assert_eq!(tokens.verify(&format!("{text}x")).await.unwrap(), None);
    assert_eq!(tokens.verify("lgsp_admin_").await.unwrap(), None);
    assert_eq!(tokens.verify(&text["lgsp_admin_".len()..]).await.unwrap(), None);
    assert!(tokens.list().await.unwrap()[0].last_used_at.is_some());

    assert!(tokens.revoke("lan", &by(&world)).await.unwrap());
    assert_eq!(tokens.verify(text).await.unwrap(), None);
    assert!(!tokens.revoke("lan", &by(&world)).await.unwrap());
}

#[tokio::test]
async fn a_token_expires() {
    let world = World::new().await;
    let tokens = tokens(&world);
    let end = world.clock.now().plus_seconds(60);
    let secret = tokens.create("short", Role::Auditor, Some(end), &by(&world)).await.unwrap();
    world.clock.advance(59_999);
    assert!(tokens.verify(secret.expose_str().unwrap()).await.unwrap().is_some());
    world.clock.advance(1);
    assert!(tokens.verify(secret.expose_str().unwrap()).await.unwrap().is_none());
    let past = tokens.create("past", Role::Auditor, Some(end), &by(&world)).await;
    assert!(matches!(past, Err(AdminTokenError::Expired)));
}

#[tokio::test]
async fn names_are_never_used_twice_and_the_trail_knows_who_did_it_but_no_secret() {
    let world = World::new().await;
    let tokens = tokens(&world);
    let secret = tokens.create("lan", Role::Admin, None, &by(&world)).await.unwrap();
    tokens.revoke("lan", &by(&world)).await.unwrap();
    assert!(matches!(
        tokens.create("lan", Role::Admin, None, &by(&world)).await,
        Err(AdminTokenError::Exists)
    ));
    assert!(matches!(
        tokens.create("a b", Role::Admin, None, &by(&world)).await,
        Err(AdminTokenError::Name(_))
    ));

    let trail = world.store.audit_rows(1, 100).await.unwrap();
    let acts: Vec<_> = trail.iter().map(|r| (r.actor.as_str(), r.action.as_str(), r.id.as_str())).collect();
    assert_eq!(acts, [("shell:root", "create", "lan"), ("shell:root", "revoke", "lan")]);
    assert!(!format!("{trail:?}{:?}", tokens.list().await.unwrap()).contains(secret.expose_str().unwrap()));
}
