//! What Active Directory's attributes hold (MS-ADA1 to 3, MS-ADTS 3.1.1.2.2.2): the table that filters are typed by.

use crate::directory::AttributeName;

/// What an attribute holds, and so how it is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Syntax {
    /// Text, compared without case.
    Text,
    /// Text or anything else: an attribute that the table below doesn't know.
    Unknown,
    /// Whole numbers, of 32 or of 64 bits.
    Number,
    /// TRUE or FALSE.
    Flag,
    /// Points in time.
    Time,
    /// Distinguished names.
    Name,
    /// `memberOf`: distinguished names, answered from the groups.
    Membership,
    /// `distinguishedName`: the entry's own.
    OwnName,
    /// `objectClass`.
    Class,
    /// `objectCategory`: a distinguished name that may be written as the name of a class.
    Category,
    /// Not comparable, and why.
    Refused(&'static str),
}

const BYTES: &str = "holds bytes";
const COMPUTED: &str = "is computed by the server when it is asked for";
const SECRET: &str = "is never shown by the directory";

impl Syntax {
    /// What the attribute holds. Custom attributes and what Active Directory has as text are told apart only where it matters:
    /// for ordering.
    pub(super) fn of(attribute: &AttributeName) -> Self {
        let name = attribute.as_str();
        let row = TABLE
            .iter()
            .find(|(_, names)| names.split_ascii_whitespace().any(|known| known == name));
        match row {
            Some((syntax, _)) => *syntax,
            None if is_numbered_text(name) => Self::Text,
            None => Self::Unknown,
        }
    }

    /// What it holds, as the end of a sentence that begins with the attribute.
    pub(super) fn holds(self) -> &'static str {
        match self {
            Self::Text => "holds text",
            Self::Unknown => "may hold text or numbers",
            Self::Number => "holds whole numbers",
            Self::Flag => "holds TRUE or FALSE",
            Self::Time => "holds times such as 20260131120000.0Z",
            Self::Name | Self::Membership | Self::OwnName => "holds distinguished names",
            Self::Class => "holds names of classes",
            Self::Category => "holds a distinguished name or the name of a class",
            Self::Refused(reason) => reason,
        }
    }
}

/// The text attributes that exist in numbers: Exchange's and the cloud's extension attributes.
fn is_numbered_text(name: &str) -> bool {
    [
        "extensionattribute",
        "msds-cloudextensionattribute",
        "msexchextensioncustomattribute",
    ]
    .iter()
    .any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// By syntax, the attributes of people's entries that have it. In lower case.
const TABLE: &[(Syntax, &str)] = &[
    (Syntax::Membership, "memberof"),
    (Syntax::OwnName, "distinguishedname"),
    (Syntax::Class, "objectclass"),
    (Syntax::Category, "objectcategory"),
    (
        Syntax::Number,
        "accountexpires admincount badpasswordtime badpwdcount codepage countrycode delivcontlength gidnumber
         grouptype instancetype lastlogoff lastlogon lastlogontimestamp lockouttime logoncount maxstorage
         mdboverhardquotalimit mdboverquotalimit mdbstoragequota msds-supportedencryptiontypes
         msds-lastsuccessfulinteractivelogontime msexchrecipientdisplaytype msexchrecipienttypedetails
         msexchremoterecipienttype msexchuseraccountcontrol msexchversion msrtcsip-optionflags primarygroupid
         pwdlastset samaccounttype systemflags uidnumber useraccountcontrol usnchanged usncreated usnsource",
    ),
    (
        Syntax::Flag,
        "deliverandredirect iscriticalsystemobject isdeleted isrecycled mdbusedefaults
         msexchhidefromaddresslists msexchrequireauthtosendto msnpallowdialin msrtcsip-userenabled
         showinadvancedviewonly",
    ),
    (
        Syntax::Time,
        "dscorepropagationdata msexchwhenmailboxcreated mstsexpiredate whenchanged whencreated",
    ),
    (
        Syntax::Name,
        "altrecipient assistant authorig directreports dlmemrejectperms dlmemsubmitperms homemdb homemta
         lastknownparent managedby managedobjects manager member owner publicdelegates publicdelegatesbl roleoccupant
         secretary seealso showinaddressbook unauthorig",
    ),
    (
        Syntax::Text,
        "admindescription admindisplayname businesscategory c carlicense cn co comment company department
         departmentnumber description destinationindicator displayname displaynameprintable division employeeid
         employeenumber employeetype facsimiletelephonenumber gecos generationqualifier givenname homedirectory
         homedrive homephone homepostaladdress info initials ipphone l legacyexchangedn loginshell mail mailnickname
         middlename mobile msds-phoneticcompanyname msds-phoneticdepartment msds-phoneticdisplayname
         msds-phoneticfirstname msds-phoneticlastname msrtcsip-line msrtcsip-primaryuseraddress name o
         otherfacsimiletelephonenumber otherhomephone otheripphone othermailbox othermobile otherpager othertelephone
         ou pager personaltitle physicaldeliveryofficename postaladdress postalcode postofficebox preferredlanguage
         profilepath proxyaddresses roomnumber samaccountname scriptpath serviceprincipalname sn st street
         streetaddress targetaddress telephonenumber textencodedoraddress title uid unixhomedirectory url
         userparameters userprincipalname userworkstations wwwhomepage",
    ),
    (
        Syntax::Refused(BYTES),
        "audio auditingpolicy cacertificate jpegphoto logonhours ms-ds-consistencyguid ms-ds-creatorsid
         msexcharchiveguid msexchblockedsendershash msexchmailboxguid msexchmailboxsecuritydescriptor
         msexchsaferecipientshash msexchsafesendershash ntsecuritydescriptor objectguid objectsid photo
         registeredaddress replpropertymetadata sidhistory teletexterminalidentifier thumbnaillogo thumbnailphoto
         usercert usercertificate userpkcs12 usersmimecertificate x500uniqueidentifier",
    ),
    (
        Syntax::Refused(COMPUTED),
        "allowedattributes allowedattributeseffective allowedchildclasses allowedchildclasseseffective anr
         canonicalname createtimestamp fromentry modifytimestamp msds-approx-immed-subordinates msds-auxiliary-classes
         msds-keyversionnumber msds-memberoftransitive msds-membertransitive msds-parentdistname msds-principalname
         msds-resultantpso msds-tokengroupnames msds-user-account-control-computed
         msds-userpasswordexpirytimecomputed parentguid possibleinferiors primarygrouptoken sdrightseffective
         structuralobjectclass subschemasubentry tokengroups tokengroupsglobalanduniversal
         tokengroupsnogcacceptable",
    ),
    (
        Syntax::Refused(SECRET),
        "currentvalue dbcspwd lmpwdhistory msds-managedpassword ntpwdhistory supplementalcredentials unicodepwd
         userpassword",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_valid_names_in_lower_case_each_once() {
        let names: Vec<&str> = TABLE
            .iter()
            .flat_map(|(_, names)| names.split_ascii_whitespace())
            .collect();
        for name in &names {
            assert_eq!(AttributeName::parse(name).unwrap().as_str(), *name);
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn extension_attributes_are_text() {
        for name in [
            "extensionAttribute1",
            "extensionAttribute15",
            "msDS-cloudExtensionAttribute20",
        ] {
            assert_eq!(Syntax::of(&AttributeName::parse(name).unwrap()), Syntax::Text);
        }
        for name in ["extensionAttribute", "extensionAttributeX", "shoeSize"] {
            assert_eq!(Syntax::of(&AttributeName::parse(name).unwrap()), Syntax::Unknown);
        }
    }
}
