//! Why a directory can't be read, on ActiveDirectoryConfigs and on the SyncScopes that use them. Words only.

use super::{CONNECTED, READY, RECONCILING, Reason, STALLED, SYNCED};

/// Ready and Stalled only when nothing worked before.
const BROKEN: &[(&str, &str)] = &[
    (CONNECTED, "False"),
    (SYNCED, "False"),
    (READY, "False"),
    (STALLED, "True"),
];
/// Stalled only after a minute, since charts create things in any order.
const MISSING: &[(&str, &str)] = &[
    (CONNECTED, "False"),
    (SYNCED, "False"),
    (READY, "False"),
    (RECONCILING, "True"),
    (STALLED, "True"),
];
/// What can pass by itself makes nothing Stalled, and Connected False only when it repeats.
const PASSING: &[(&str, &str)] = &[
    (CONNECTED, "False"),
    (CONNECTED, "Unknown"),
    (SYNCED, "False"),
    (READY, "False"),
    (RECONCILING, "True"),
];

reasons! {
    /// The directory answers.
    ANSWERS = "Connected", &[(CONNECTED, "True")], "";
    /// The connection is being tested for the first time.
    CONNECTING = "Connecting", &[(READY, "Unknown"), (CONNECTED, "Unknown"), (RECONCILING, "True")],
        "Wait: within a minute it is connected, or says why not.";
    /// The ActiveDirectoryConfig does not exist.
    CONFIG_NOT_FOUND = "ActiveDirectoryConfigNotFound", MISSING,
        "Create the ActiveDirectoryConfig that the scope's directoryRef names, in the scope's own namespace, or correct the name.";
    /// The Secret does not exist.
    SECRET_NOT_FOUND = "SecretNotFound", MISSING,
        "Create the Secret that credentials.secretRef or tls.caRef names, in the same namespace. It is seen at once.";
    /// The Secret lacks a key that is needed.
    SECRET_KEY_NOT_FOUND = "SecretKeyNotFound", MISSING,
        "Put the key that the message names into the Secret: username and password for the account, tls.caRef's key for a certificate authority.";
    /// A value in the Secret can't be used.
    SECRET_INVALID = "SecretInvalid", BROKEN,
        "Write the key that the message names again, as UTF-8 text (stringData: needs no base64).";
    /// The file with the account or its password can't be read where the operator runs.
    CREDENTIALS_FILE_UNREADABLE = "CredentialsFileUnreadable", MISSING,
        "With credentials.type: Agent, the operator reads username and password from <credentials-directory>/<namespace>/<name of the ActiveDirectoryConfig>/. Write both files, for its user to read, or name a Secret.";
    /// Nobody serves the configuration: no operator runs with the agent's name that it gives.
    AGENT_ABSENT = "AgentAbsent", &[(CONNECTED, "False"), (READY, "False"), (RECONCILING, "True")],
        "Start an operator with --agent and the name that spec.agent gives, or correct the name. The message says which Lease it would hold.";
    /// The ConfigMap with the certificate authority does not exist.
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound", MISSING,
        "Create the ConfigMap that tls.caRef names, in the same namespace: kubectl create configmap NAME --from-file=ca.crt.";
    /// The ConfigMap lacks the key.
    CONFIG_MAP_KEY_NOT_FOUND = "ConfigMapKeyNotFound", MISSING,
        "Put the certificates under the key that tls.caRef names (ca.crt unless it says otherwise), or correct caRef's key.";
    /// What `tls.caRef` names holds no PEM certificate.
    CERTIFICATE_AUTHORITY_INVALID = "CertificateAuthorityInvalid", BROKEN,
        "Put the certificate authority's own certificate there, as PEM (it begins with -----BEGIN CERTIFICATE-----). One in DER is turned by openssl x509 -inform DER -in ca.cer -out ca.crt.";
    /// The operator may not read a Secret or ConfigMap.
    FORBIDDEN = "Forbidden", PASSING,
        "Give the operator's service account get, list and watch on the object that the message names. When it serves single namespaces, its role must be bound in this one.";
    /// The API server could not be asked for a Secret or ConfigMap.
    API_SERVER_UNAVAILABLE = "APIServerUnavailable", PASSING,
        "Nothing, if it passes: it is tried again by itself. Else look after the API server, and the network between it and the operator's pod.";
    /// The operator is stopping.
    STOPPING = "Stopping", PASSING, "Nothing: the next operator pod takes over. If none comes, look at the Deployment.";
    /// The spec asks for no encryption, and the operator does not allow that.
    PLAINTEXT_NOT_ALLOWED = "PlaintextNotAllowed", BROKEN,
        "Write tls.mode LDAPS or StartTLS. If passwords really may cross the network in clear, write allowPlaintext: true beside mode: Disabled, and start the operator with --allow-plaintext.";
    /// A Global Catalog port: it holds only part of each entry.
    GLOBAL_CATALOG_REFUSED = "GlobalCatalogRefused", BROKEN,
        "Write port 636 (LDAPS) or 389 (StartTLS), or leave port out.";
    /// A name can't be resolved, or DNS knows no domain controller of the domain.
    DNS_FAILED = "DNSFailed", PASSING,
        "Look the name up from a pod in the operator's namespace. Correct servers, or forward the domain to its own name servers in the cluster's DNS (CoreDNS), or list the domain controllers in servers instead of having them discovered.";
    /// Nothing listens at that address and port.
    CONNECTION_REFUSED = "ConnectionRefused", PASSING,
        "Check host and port in servers, and that the domain controller runs. LDAPS (636) needs a certificate on the domain controller before it listens at all.";
    /// No answer to an attempt to connect: usually a firewall.
    CONNECTION_TIMED_OUT = "ConnectionTimedOut", PASSING,
        "Let the operator's pod reach the domain controller on port 636 (or 389): firewall, NetworkPolicy, routing. Or correct the address.";
    /// No connection came about for another reason.
    CONNECTION_FAILED = "ConnectionFailed", PASSING,
        "The message says what the network answered: check the address, routing, and whether the cluster can reach that network at all.";
    /// An established connection ended.
    CONNECTION_LOST = "ConnectionLost", PASSING,
        "Nothing, if it passes: it is opened again. If it repeats, something between closes connections (a load balancer, a firewall's idle limit), or the port is no LDAP port.";
    /// A connected server did not answer in time.
    ANSWER_TIMED_OUT = "AnswerTimedOut", PASSING,
        "Look at the domain controller's load. If it answers nobody, take it out of servers until it is mended: the next one in the list is used.";
    /// The certificate is not trusted, not valid now, or not for servers.
    TLS_CERTIFICATE_INVALID = "TLSCertificateInvalid", BROKEN,
        "The message says which. Signed by nobody trusted: name the certificate authority in tls.caRef (the root, not the server's own certificate). Expired: renew it on the domain controller. Without subject alternative name: give the domain controller one that has its host name.";
    /// The certificate is for other names.
    TLS_NAME_MISMATCH = "TLSNameMismatch", BROKEN,
        "Write one of the certificate's names, which the message lists, as host in servers. An IP address works only if the certificate has it.";
    /// TLS did not come about for another reason.
    TLS_HANDSHAKE_FAILED = "TLSHandshakeFailed", PASSING,
        "Check that mode and port belong together, and that the domain controller speaks TLS 1.2 or newer. Try it: openssl s_client -connect HOST:636.";
    /// The port does not fit the mode: 636 is for LDAPS, 389 for StartTLS.
    WRONG_PORT = "WrongPort", BROKEN, "Correct port in servers or tls.mode: 636 goes with LDAPS, 389 with StartTLS. Without port, the right one is taken.";
    /// The server does not start TLS.
    START_TLS_REFUSED = "StartTLSRefused", PASSING,
        "Give the domain controller a certificate: without one it can't start TLS. Or use LDAPS, which needs one too.";
    /// The server demands encryption.
    STRONGER_AUTH_REQUIRED = "StrongerAuthRequired", BROKEN, "Write tls.mode LDAPS or StartTLS.";
    /// The server takes no simple bind.
    AUTH_METHOD_NOT_SUPPORTED = "AuthMethodNotSupported", BROKEN,
        "Allow simple bind over TLS on the domain controller, or name another one in servers.";
    /// Username or password is wrong. It is not tried again for half an hour, so that the account is not locked out.
    INVALID_CREDENTIALS = "InvalidCredentials", BROKEN,
        "Correct username and password in the Secret; new contents are tried at once. The username is a DN, user@domain or DOMAIN\\user: a bare name does not bind.";
    /// The operator's account is disabled.
    ACCOUNT_DISABLED = "AccountDisabled", BROKEN, "Enable the account in Active Directory, or put another one into the Secret.";
    /// The operator's account is locked out.
    ACCOUNT_LOCKED = "AccountLocked", PASSING,
        "Unlock the account (Unlock-ADAccount), and find out who else uses it with a wrong password: the operator tries one once and then waits half an hour.";
    /// The operator's account has expired.
    ACCOUNT_EXPIRED = "AccountExpired", BROKEN, "Extend the account in Active Directory (accountExpires), best to never.";
    /// The account's password has expired or must be changed.
    PASSWORD_EXPIRED = "PasswordExpired", BROKEN,
        "Set a new password in Active Directory, best one that never expires and need not be changed at the next logon, and write it into the Secret.";
    /// A policy keeps the account from signing in, here or now.
    LOGON_RESTRICTED = "LogonRestricted", BROKEN,
        "The message says what: change the account's logon hours, its list of workstations, or its logon rights in the group policy.";
    /// The server is no domain controller of Active Directory.
    NOT_ACTIVE_DIRECTORY = "NotActiveDirectory", BROKEN,
        "Name domain controllers in servers. Other LDAP servers, AD LDS among them, lack what adsync relies on.";
    /// The base DN does not exist, or the account can't see it.
    BASE_DN_NOT_FOUND = "BaseDNNotFound", BROKEN,
        "Correct baseDN: the message says how much of it exists. If it exists, give the account the right to list it. Without baseDN, the whole domain is read.";
    /// The account may not read what is needed.
    INSUFFICIENT_ACCESS = "InsufficientAccess", BROKEN,
        "Give the account read access below the base DN. An ordinary domain account has it, unless somebody took it away.";
    /// The directory refers to another one; referrals are never followed.
    REFERRAL_RETURNED = "ReferralReturned", BROKEN,
        "Name a domain controller of the domain that holds baseDN. Another domain needs an ActiveDirectoryConfig of its own.";
    /// The directory returns fewer entries than there are.
    SIZE_LIMIT_EXCEEDED = "SizeLimitExceeded", BROKEN,
        "Raise the directory's size limit for the account. A real domain controller pages its results; check that servers names no proxy.";
    /// The directory took longer than it allows itself.
    TIME_LIMIT_EXCEEDED = "TimeLimitExceeded", PASSING,
        "Narrow baseDN so that less is read, relieve the domain controller, or raise its MaxQueryDuration.";
    /// The request is beyond the directory's limits.
    ADMIN_LIMIT_EXCEEDED = "AdminLimitExceeded", PASSING,
        "Narrow baseDN so that less is read, or raise the domain controller's LDAP policy limits.";
    /// The directory can't page its results.
    UNAVAILABLE_CRITICAL_EXTENSION = "UnavailableCriticalExtension", BROKEN,
        "Name a real domain controller in servers: something else answers there, such as a proxy.";
    /// The directory is busy.
    BUSY = "Busy", PASSING, "Nothing, if it passes. Else relieve the domain controller, or name others in servers.";
    /// The directory is starting or shutting down.
    UNAVAILABLE = "Unavailable", PASSING, "Nothing, if it passes. Else see why the domain controller does not come up.";
    /// The directory is unwilling to answer.
    UNWILLING_TO_PERFORM = "UnwillingToPerform", PASSING,
        "The message has the domain controller's own words; its event log (Directory Service) has more.";
    /// The directory failed at the request.
    OPERATIONS_ERROR = "OperationsError", PASSING,
        "The message has the domain controller's own words; its event log (Directory Service) has more.";
    /// The directory could not answer, with a code that has no reason of its own.
    DIRECTORY_FAILED = "DirectoryFailed", PASSING,
        "The message has the domain controller's code and words; its event log (Directory Service) has more.";
    /// Something that is no LDAP, or not what was asked for.
    PROTOCOL_ERROR = "ProtocolError", PASSING,
        "Check what stands between the operator and the domain controller: a proxy, a load balancer, or another service on that port. If it is a domain controller, report it with the message.";
    /// A read ended before everything was read. Nothing is concluded from what is missing.
    READ_INCOMPLETE = "ReadIncomplete", PASSING,
        "Nothing, if it passes: it is repeated. If it does not, the domain controller ends its searches early: look at its load and its event log.";
    /// The operator ended while reading.
    INTERRUPTED = "Interrupted", PASSING, "Nothing: it is repeated. If it comes again, report it with the operator's log.";
}
