//! What a person should do about each problem. Words only: who has which problem is the core's business.

use super::ProblemReason;

impl ProblemReason {
    /// What follows for them, and what a person should do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoTargetUser => {
                "They get no PhoneUser. Make one that matches (`match.by` says by what), or write `match.onNoMatch: Provision`. Where the \
                 message speaks of an exclusion, correct the distinguished name in `exclude` first: nobody is created while it can't be found."
            }
            Self::DuplicateMatch => {
                "The message names the others, and says which of these it is. Several PhoneUsers with the same value: correct it or delete the \
                 ones that are too many. Several people with the same value: correct it in Active Directory, exclude one of them, or match by \
                 something that tells them apart, such as EmployeeID. Shared sign-in names: the person is served, only that name is left out."
            }
            Self::ClaimedByOtherScope => {
                "Nothing, if that is meant: the other scope serves them. Else exclude them there, or here."
            }
            Self::IdentityReused => {
                "If it is the same person with a new account, put the objectGUID of the new account, which the message has, into the \
                 PhoneUser's `spec.directory.objectGUID`. If it is somebody else, delete the old PhoneUser, or change its login, \
                 userPrincipalName and employeeID."
            }
            Self::KeyMissing => {
                "Fill one of the attributes that `match.by` compares in Active Directory, or compare by another one: everybody has WindowsLogin."
            }
            Self::AttributeMissing => {
                "They are not created before the field has a value. Fill the attribute in Active Directory, or remove the field from `match.require`. \
                 Who has a PhoneUser already keeps it."
            }
            Self::NumberMissing => {
                "Fill the attribute in Active Directory, or write `whenMissing: Sequential` into the ExtensionRule. Where the message says that the \
                 rule is missing or wrong, create or correct the rule. Newcomers are created once they have a number; others keep the one they have."
            }
            Self::NumberInvalid => {
                "The message says what does not fit: the rule's `pattern`, the number plan's `digits`, or a number that is reserved or for emergencies. \
                 Correct the value in Active Directory, or the rule or plan. Newcomers wait; others keep the number they have."
            }
            Self::NumberTaken => {
                "The message names who has it. Give one of the two another number, in Active Directory where numbers come from an attribute. \
                 An Extension that nobody needs any more can be deleted. Newcomers wait; others keep the number they have."
            }
            Self::RangeExhausted => {
                "Add a range to the ExtensionRule, or free numbers: delete Extensions that nobody needs, or remove entries from `reserved`. Newcomers \
                 wait until there is a number."
            }
            Self::OutOfRange => {
                "Nothing must be done: they keep their number. To keep it for good, add a range that has it. To move everybody of the rule whose number \
                 does not fit to the lowest one that is free, write `renumber: true` into the ExtensionRule; the old ones rest."
            }
            Self::Unlinked => {
                "Nothing, if that is meant: the PhoneUser stays as it is and is free to edit. To sync it again, set its `spec.link` to Linked."
            }
            Self::InvalidRecord => {
                "The message says what the account lacks or which value can't be used. Correct it in Active Directory, or give the operator's \
                 account the right to read it. What there is already stays as it is."
            }
            Self::FieldManagedElsewhere => {
                "The message names the fields and who holds them. To have them synced, remove them from what that tool applies. To leave them to it, \
                 write `policy: Ignore` for these fields into `map`. All other fields are synced."
            }
            Self::WriteFailed => {
                "The message has the API server's words; it is tried again by itself. Often it is a quota, an admission webhook, a missing right, or an \
                 object that somebody made unreadable: correct or delete that one."
            }
        }
    }
}
