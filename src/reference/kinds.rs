//! reference: what the types don't say of each kind: who writes it, how it fits in, and an example.

/// A kind, as its page introduces it.
pub(super) struct About {
    /// The kind.
    pub kind: &'static str,
    /// Who writes it.
    pub written_by: &'static str,
    /// How it fits in.
    pub introduction: &'static str,
    /// An object that shows most of what can be said.
    pub example: &'static str,
}

impl About {
    /// The file of its page.
    pub(super) fn file(&self) -> String {
        format!("{}.md", self.kind.to_ascii_lowercase())
    }
}

/// What is known of a kind.
pub(super) fn about(kind: &str) -> Option<&'static About> {
    ALL.iter().find(|about| about.kind == kind)
}

/// Everything but status comes from people.
const PEOPLE: &str = "people; the operator writes `status` alone";
/// The operator fills in most of it.
const BOTH: &str =
    "the operator; people may make some of their own. `status` is the phone system's: the operator never writes it";

/// All kinds, in the order in which the documentation introduces them.
pub(super) const ALL: [About; 7] = [
    About {
        kind: "ActiveDirectoryConfig",
        written_by: PEOPLE,
        introduction: "As soon as it exists, the operator connects, binds and counts the users that the account can see; it does so again at every \
            `interval`, and when the spec, the Secret or the certificate authority changes. [SyncScopes](syncscope.md) of the same namespace \
            read through it. The account needs no rights but to read.",
        example: include_str!("examples/activedirectoryconfig.yaml"),
    },
    About {
        kind: "SyncScope",
        written_by: PEOPLE,
        introduction: "It joins an [ActiveDirectoryConfig](activedirectoryconfig.md), a [PhoneSystem](phonesystem.md) and \
            [ExtensionRules](extensionrule.md) of its own namespace, and makes [PhoneUsers](phoneuser.md), [Extensions](extension.md) and \
            [RingGroups](ringgroup.md) there. Several scopes may write to one phone system: a person whom two of them select belongs to the older.",
        example: include_str!("examples/syncscope.yaml"),
    },
    About {
        kind: "ExtensionRule",
        written_by: PEOPLE,
        introduction: "The `extensions` and `departments` of a [SyncScope](syncscope.md) name it. Several scopes may number from one rule, and several \
            rules may have the same numbers: each number is given once all the same, because an [Extension](extension.md) has one holder.",
        example: include_str!("examples/extensionrule.yaml"),
    },
    About {
        kind: "PhoneSystem",
        written_by: PEOPLE,
        introduction: "One object is one phone system: everything that belongs to it lives in its namespace and names it. Its number plan holds for \
            every rule. Its status counts what there is.",
        example: include_str!("examples/phonesystem.yaml"),
    },
    About {
        kind: "PhoneUser",
        written_by: BOTH,
        introduction: "One that the operator made or adopted has `spec.directory`, and its fields follow the directory: somebody's edit is undone \
            within seconds, unless the field has `policy: Ignore` in the scope's `map`, another tool applies it, or the user is `Unlinked`. \
            One without `spec.directory` is people's own, until a scope matches it.",
        example: include_str!("examples/phoneuser.yaml"),
    },
    About {
        kind: "Extension",
        written_by: BOTH,
        introduction: "It is the truth about a number: `spec.extension` of a [PhoneUser](phoneuser.md) and `spec.number` of a \
            [RingGroup](ringgroup.md) are written after it. People make some to set numbers aside (`state: Reserved`).",
        example: include_str!("examples/extension.yaml"),
    },
    About {
        kind: "RingGroup",
        written_by: BOTH,
        introduction: "The `departments` of a [SyncScope](syncscope.md) make one for each group or organizational unit. Its members are the numbers of \
            those of the department's people who have one; what people add goes into `additionalMembers`.",
        example: include_str!("examples/ringgroup.yaml"),
    },
];
