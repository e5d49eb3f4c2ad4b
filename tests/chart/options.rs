//! What a value switches on: more than one replica, the network, metrics, further objects.

use serde_json::{Value, json};

use super::{of_kind, rendered, the};

async fn with_replicas(replicas: usize, arguments: &[&str]) -> Vec<Value> {
    let replicas = format!("--set=replicas={replicas}");
    rendered(&[&["--set=leaderElection.enabled=true", &replicas], arguments].concat()).await
}

#[tokio::test]
async fn several_replicas_elect_who_serves_and_one_does_so_only_if_it_is_told() {
    let args =
        |objects: &[Value]| the(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    let strategy = |objects: &[Value]| the(objects, "Deployment")["spec"]["strategy"].clone();
    // Written out, or the API server's own would be left beside Recreate when the election is switched off.
    let one_by_one = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    let elect = |objects: &[Value]| {
        let of_release = of_kind(objects, "Role");
        let rules = of_release.iter().flat_map(|role| role["rules"].as_array().unwrap());
        rules.filter(|rule| rule["resources"] == json!(["leases"])).count()
    };
    let several = with_replicas(2, &[]).await;
    assert!(args(&several).contains("--leader-elect"));
    assert_eq!((elect(&several), strategy(&several)), (2, one_by_one.clone()));
    let one = rendered(&[]).await;
    assert!(!args(&one).contains("--leader-elect"));
    assert_eq!((elect(&one), strategy(&one)), (0, json!({"type": "Recreate"})));
    // It elects without being told.
    let agent = rendered(&["--set=agent.name=site-a"]).await;
    assert_eq!((elect(&agent), strategy(&agent)), (2, one_by_one));
}

#[tokio::test]
async fn each_release_has_a_lease_of_its_own_and_an_agent_that_of_its_name() {
    let lease_of = async |arguments: &[&str]| {
        let objects = with_replicas(2, arguments).await;
        let mut rules = the(&objects, "Role")["rules"].as_array().unwrap().iter();
        let lease = rules.find_map(|rule| rule["resourceNames"][0].as_str()).unwrap();
        let container = &the(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        let told = json!(format!("--leader-election-lease={lease}"));
        (lease.to_owned(), container["args"].as_array().unwrap().contains(&told))
    };
    assert_eq!(lease_of(&[]).await, ("adsync".to_owned(), true));
    let branch = ["--set=fullnameOverride=branch-adsync"];
    assert_eq!(lease_of(&branch).await, ("leader-branch-adsync".to_owned(), true));
    let like_an_agents = lease_of(&["--set=fullnameOverride=adsync-site-a"]).await;
    assert_eq!(like_an_agents, ("leader-adsync-site-a".to_owned(), true));
    // Others look for it.
    let agent = lease_of(&["--set=agent.name=site-a", "--set=fullnameOverride=branch"]).await;
    assert_eq!(agent, ("adsync-site-a".to_owned(), false));
}

#[tokio::test]
async fn several_replicas_are_spread_and_not_drained_at_once_and_one_does_not_block_its_node() {
    let objects = with_replicas(3, &[]).await;
    let deployment = the(&objects, "Deployment");
    let selector = &deployment["spec"]["selector"];
    let budget = &the(&objects, "PodDisruptionBudget")["spec"];
    assert_eq!((&budget["selector"], &budget["maxUnavailable"]), (selector, &json!(1)));
    let spread = &deployment["spec"]["template"]["spec"]["topologySpreadConstraints"];
    assert_eq!(spread.as_array().unwrap().len(), 1);
    assert_eq!(&spread[0]["labelSelector"], selector);

    let own = r#"--set-json=topologySpreadConstraints=[{"maxSkew":2,"labelSelector":{"matchLabels":{"team":"a"}}}]"#;
    let objects = with_replicas(2, &[own, "--set=podDisruptionBudget.maxUnavailable=50%"]).await;
    let spread = &the(&objects, "Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"];
    assert_eq!(spread[0]["labelSelector"], json!({"matchLabels": {"team": "a"}}));
    assert_eq!(the(&objects, "PodDisruptionBudget")["spec"]["maxUnavailable"], "50%");
    let objects = with_replicas(2, &["--set=podDisruptionBudget.enabled=false"]).await;
    assert!(of_kind(&objects, "PodDisruptionBudget").is_empty());

    let objects = rendered(&[]).await;
    assert!(of_kind(&objects, "PodDisruptionBudget").is_empty());
    let pod = &the(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["topologySpreadConstraints"], Value::Null);
}

#[tokio::test]
async fn a_closed_network_lets_through_what_the_operator_needs() {
    assert!(of_kind(&rendered(&[]).await, "NetworkPolicy").is_empty());
    let objects = rendered(&["--set=networkPolicy.enabled=true,networkPolicy.directory.ports={636,10636}"]).await;
    let policy = &the(&objects, "NetworkPolicy")["spec"];
    let deployment = &the(&objects, "Deployment")["spec"];
    assert_eq!(policy["podSelector"], deployment["selector"]);
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let ports = |rules: &Value| -> Vec<String> {
        let rules = rules.as_array().unwrap();
        let ports = rules.iter().flat_map(|rule| rule["ports"].as_array().unwrap());
        ports.map(|port| port["port"].to_string()).collect()
    };
    let named = |port: &Value| port["name"].to_string();
    let container = &deployment["template"]["spec"]["containers"][0]["ports"];
    let open: Vec<String> = container.as_array().unwrap().iter().map(named).collect();
    assert_eq!(ports(&policy["ingress"]), open, "they are those of the container");
    assert_eq!(ports(&policy["egress"]), ["53", "53", "443", "6443", "636", "10636"]);
    for rule in policy["egress"].as_array().unwrap() {
        assert_eq!(
            rule["to"],
            Value::Null,
            "by default anywhere: nobody knows where a domain is"
        );
    }
}

#[tokio::test]
async fn a_pod_monitor_needs_no_service_and_the_alerts_know_its_job() {
    let without_service =
        "--set=metrics.service.enabled=false,metrics.podMonitor.enabled=true,metrics.prometheusRule.enabled=true";
    let objects = rendered(&[without_service]).await;
    assert!(of_kind(&objects, "Service").is_empty());
    let monitor = &the(&objects, "PodMonitor")["spec"];
    let deployment = &the(&objects, "Deployment")["spec"];
    assert_eq!(monitor["selector"], deployment["selector"]);
    let endpoint = &monitor["podMetricsEndpoints"][0];
    assert_eq!(
        endpoint["port"],
        deployment["template"]["spec"]["containers"][0]["ports"][0]["name"]
    );
    assert_eq!(endpoint["honorLabels"], true);
    let rules = the(&objects, "PrometheusRule").to_string();
    assert!(
        rules.contains(r#"{job=\"adsync/adsync\",namespace=\"adsync\"}"#),
        "{rules}"
    );
}

#[tokio::test]
async fn an_agent_says_its_name_and_with_a_kubeconfig_has_no_rights_in_its_own_cluster() {
    let objects = rendered(&["--set=agent.name=site-a"]).await;
    let pod = &the(&objects, "Deployment")["spec"]["template"]["spec"];
    assert!(
        pod["containers"][0]["args"]
            .as_array()
            .unwrap()
            .contains(&json!("--agent=site-a"))
    );
    assert_eq!(pod["automountServiceAccountToken"], true);
    assert!(
        !of_kind(&objects, "ClusterRoleBinding").is_empty(),
        "by name alone it serves this cluster"
    );

    let values = "--set=agent.kubeconfigSecret=hosted,agent.kubeconfigKey=config,admissionPolicies.enabled=true,rbac.secretNamespaces={phones}";
    let objects = rendered(&[values]).await;
    let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ServiceAccount", "Service", "Deployment"]);
    let pod = &the(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    let secret = json!({"secretName": "hosted", "items": [{"key": "config", "path": "kubeconfig"}]});
    assert_eq!(pod["volumes"], json!([{"name": "kubeconfig", "secret": secret}]));
    let container = &pod["containers"][0];
    let mounts = json!([{"name": "kubeconfig", "mountPath": "/etc/adsync", "readOnly": true}]);
    assert_eq!(container["volumeMounts"], mounts);
    assert_eq!(
        container["env"],
        json!([{"name": "KUBECONFIG", "value": "/etc/adsync/kubeconfig"}])
    );
}

#[tokio::test]
async fn further_objects_are_templates() {
    let object = r#"--set-json=extraObjects=[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{ .Release.Name }}-x"}}]"#;
    assert_eq!(
        the(&rendered(&[object]).await, "ConfigMap")["metadata"]["name"],
        "adsync-x"
    );
}
