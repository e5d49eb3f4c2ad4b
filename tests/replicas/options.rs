//! What else the chart switches on, all at once. The pod network of a node enforces no `NetworkPolicy`: that it is taken is all that is shown of it here. Nothing
//! brings the kinds of the Prometheus Operator, so its monitors stay off.

use super::{UPGRADE, ready};
use crate::site::Site;

const FURTHER: &str = r#"[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "about"}, "data": {"release": "{{ .Release.Name }}"}}]"#;

pub async fn are_switched_on(site: &Site) {
    let phones = site.objects().await;
    let options = "networkPolicy.enabled=true,metrics.dashboard.enabled=true,admissionPolicies.enabled=true,podDisruptionBudget.maxUnavailable=50%";
    site.run(&format!(
        "{UPGRADE} --set {options} --set-json 'extraObjects={FURTHER}'"
    ))
    .await;
    assert_eq!(ready(site).await, "3");
    site.sync_now().await;
    assert_eq!(site.objects().await, phones, "nothing was written again");
    let made = site
        .run("kubectl --namespace adsync get networkpolicies,configmaps,poddisruptionbudgets,validatingadmissionpolicies --output name")
        .await;
    for object in [
        "networkpolicy.networking.k8s.io/adsync",
        "configmap/adsync-dashboard",
        "configmap/about",
        "poddisruptionbudget.policy/adsync",
        "validatingadmissionpolicy.admissionregistration.k8s.io/adsync.",
    ] {
        assert!(made.contains(object), "{object} is missing: {made}");
    }
}
