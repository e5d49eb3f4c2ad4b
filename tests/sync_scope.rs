//! From a person in Active Directory to a PhoneUser, through the whole operator.

use crate::{
    env::{self, operator::Operator},
    scenario::{NUMBERED, apply_company, apply_rule, apply_scope, await_synced, message, phone_users},
};

#[tokio::test]
async fn a_person_of_the_directory_becomes_a_phone_user_with_a_number() {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let (namespace, ou) = (kube.namespace("scope").await, directory.ou("scope").await);
    let ada = ou.person("Ada Lovelace").await;
    let _operator = Operator::start(kube, &[&namespace]).await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2009").await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;

    let scope = await_synced(&namespace, "staff").await;
    assert_eq!(message(&scope, "Matched"), "1 matched, 0 unmatched");
    let users = phone_users(&namespace).await;
    assert_eq!(users.len(), 1);
    let spec = &users[0].spec;
    assert_eq!(spec.login.as_deref(), Some(&*ada.login));
    assert_eq!(spec.display_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(spec.extension.as_deref(), Some("2000"));
}
