//! Domain controllers that know less than another one did: restored ones, and such as wait for replication.

use adsync::api::{ActiveDirectoryConfig, SyncScope};
use serde_json::json;

use super::scene::{CONFIRM_AFTER, Scene, everyone};
use crate::{
    env::{self, Directory, Options},
    scenario::eventually,
};

/// Twenty people of the company, who are in every domain controller from the start.
const HR: &str = "OU=HR,OU=Staff,DC=example,DC=com";
/// Where a domain controller says of itself who it is.
const SERVICE: &str =
    "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=example,DC=com";

/// Has the operator ask this domain controller from now on.
async fn ask(scene: &Scene, directory: &Directory) {
    let servers = json!([{"host": Directory::HOST, "port": directory.ldaps_port()}]);
    scene.directory(json!({"baseDN": HR, "servers": servers})).await;
    scene.operator().await;
    let api = scene.namespace.api::<ActiveDirectoryConfig>();
    eventually("the other domain controller is asked", async || {
        let config = api.get("corp").await.ok()?;
        let status = config.status?;
        (status.observed_generation == config.metadata.generation).then_some(())
    })
    .await;
}

/// Reads twice, and later than it takes to confirm an absence. How many are gone.
async fn read_twice(scene: &Scene) -> i64 {
    scene.sync("staff").await;
    tokio::time::sleep(2 * CONFIRM_AFTER).await;
    let scope: SyncScope = scene.sync("staff").await;
    scope.status.unwrap().users.unwrap().gone
}

async fn invocation_id(directory: &Directory) -> Vec<u8> {
    let service = directory.entry(SERVICE, &["invocationId"]).await;
    service.bytes("invocationId")[0].clone()
}

/// `replUpToDateVector`, version 2: all of one other domain controller's changes up to a number.
fn up_to_date_vector(invocation_id: &[u8], usn: u64) -> Vec<u8> {
    let header = [2_u32, 0, 1, 0].into_iter().flat_map(u32::to_le_bytes);
    let numbers = [usn, 0].into_iter().flat_map(u64::to_le_bytes);
    header.chain(invocation_id.iter().copied()).chain(numbers).collect()
}

#[tokio::test]
async fn nobody_is_gone_for_a_restored_or_lagging_domain_controller_until_it_has_caught_up() {
    // Two of the same database, and one of them two days old: it doesn't have who came since.
    let (current, old) = tokio::join!(Directory::own(Options::default()), Directory::own(Options::default()));
    let login = "new.in.hr";
    let newcomer = format!("dn: CN=New In,{HR}\nobjectClass: user\nsAMAccountName: {login}\nuserAccountControl: 512\n");
    current.ldif(&newcomer).await;
    let scene = Scene::reading("lagging", HR).await;
    ask(&scene, &current).await;
    scene.scope("staff", everyone()).await;
    let before = scene.user(login).await.spec;
    assert_eq!(before.enabled, Some(true));

    // As if it had been restored.
    ask(&scene, &old).await;
    assert_eq!(invocation_id(&current).await, invocation_id(&old).await);
    assert_eq!(read_twice(&scene).await, 1);
    assert_eq!(scene.user(login).await.spec, before);

    // Another one that waits for replication.
    let other = *b"another database";
    old.set_within(SERVICE, "invocationId", &other).await;
    let lagging = up_to_date_vector(&invocation_id(&current).await, 1);
    old.set_within(env::Directory::BASE_DN, "replUpToDateVector", &lagging)
        .await;
    assert_eq!(read_twice(&scene).await, 1);
    assert_eq!(scene.user(login).await.spec, before);

    // It has all that the other one had, and still nobody of that name: they were deleted since.
    let caught_up = up_to_date_vector(&invocation_id(&current).await, 1 << 40);
    old.set_within(env::Directory::BASE_DN, "replUpToDateVector", &caught_up)
        .await;
    assert_eq!(read_twice(&scene).await, 1);
    assert_eq!(scene.user(login).await.spec.enabled, Some(false));
    scene.finish().await;
}
