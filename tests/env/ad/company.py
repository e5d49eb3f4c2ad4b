#!/usr/bin/python3
"""company.py SMB.CONF: fills an empty domain with the company that README.md describes.

It writes to the database of a stopped domain controller, which takes seconds where LDAP would take minutes. The company
is the same each time but for what Active Directory draws itself, such as objectGUIDs.
"""

import sys

import ldb
from people import DEPARTMENTS, EXTERNAL, OFFICES, TITLES, Person, everybody
from samba import dsdb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

SERVICE_PASSWORD = "Passw0rd.Adsync"
HUMAN_PASSWORD = "Passw0rd.Us3r"
DOMAIN = "example.com"

ENABLED, DISABLED, NEVER_EXPIRES = "512", "514", "66048"
SECURITY_GROUP, DISTRIBUTION_LIST = "-2147483646", "2"
# In Active Directory's time: tenths of microseconds since 1601.
IN_1901, IN_2020, IN_2100 = "94670208000000000", "132223104000000000", "157469184000000000"
PARTNERS = ["Partner One", "Partner Two"]
MINUTE, DAY = 600_000_000, 864_000_000_000


class Company:
    """The database, and the DNs of the accounts in it by their logins."""

    def __init__(self, configuration: str) -> None:
        settings = LoadParm()
        settings.load(configuration)
        # Without these two, indexing 1,600 accounts is quadratic.
        options = ["batch_mode:1", "transaction_index_cache_size:200000"]
        url = settings.private_path("sam.ldb")
        self.database = SamDB(url=url, session_info=system_session(), lp=settings, options=options)
        self.base = str(self.database.domain_dn())
        self.dns: dict[str, str] = {}

    def add(self, dn: str, attributes: dict[str, object]) -> str:
        present = {name: value for name, value in attributes.items() if value is not None and value != []}
        self.database.add({"dn": dn} | present)
        return dn

    def child(self, kind: str, name: str, parent: str) -> str:
        """The DN of a child, its name escaped."""
        dn = ldb.Dn(self.database, f"{parent},{self.base}" if parent else self.base)
        dn.add_child(f"{kind}=x")
        dn.set_component(0, kind, name)
        return str(dn)

    def unit(self, name: str, parent: str = "") -> None:
        self.add(self.child("OU", name, parent), {"objectClass": "organizationalUnit"})

    def user(self, parent: str, common_name: str, login: str, attributes: dict[str, object], password: str = "") -> str:
        defaults: dict[str, object] = {
            "objectClass": "user",
            "sAMAccountName": login,
            "userPrincipalName": f"{login}@{DOMAIN}",
            "userAccountControl": ENABLED,
        }
        if password:
            defaults["unicodePwd"] = f'"{password}"'.encode("utf-16-le")
        self.dns[login] = self.add(self.child("CN", common_name, parent), defaults | attributes)
        return self.dns[login]

    def group(self, parent: str, name: str, members: list[str], kind: str = SECURITY_GROUP, mail: str = "") -> str:
        attributes = {"objectClass": "group", "sAMAccountName": name, "groupType": kind, "member": members}
        return self.add(self.child("CN", name, parent), attributes | {"mail": mail or None})

    def change(self, dn: str, controls: list[str] | None = None, **values: object) -> None:
        message = ldb.Message(ldb.Dn(self.database, dn))
        for name, value in values.items():
            message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
        self.database.modify(message, controls or [])


def policy(company: Company) -> None:
    """Five wrong passwords lock an account for half an hour. A password lives for a century: the image may get old."""
    company.change(
        company.base,
        lockoutThreshold="5",
        lockoutDuration=str(-30 * MINUTE),
        lockOutObservationWindow=str(-30 * MINUTE),
        minPwdAge="0",
        maxPwdAge=str(-36500 * DAY),
    )


def units(company: Company) -> None:
    for name in ("Staff", "Departments", "Groups", "Service Accounts", "Sites", "Workstations", "Former Employees"):
        company.unit(name)
    company.unit("Bulk")
    company.unit("Tests")
    for name in [*DEPARTMENTS, EXTERNAL]:
        company.unit(name, "OU=Staff")
    for name in OFFICES:
        company.unit(name, "OU=Sites")


def staff(company: Company, people: list[Person]) -> None:
    for number, person in enumerate(people):
        parent = f"OU={person.department},OU=Staff"
        password = HUMAN_PASSWORD if person.login in ("anna.schmidt", "jmueller", "pat.obrien") else ""
        company.user(parent, person.common_name, person.login, person_attributes(number, person), password)
    heads = {department: next(p for p in people if p.department == department) for department in TITLES}
    director = heads["Management"]
    for person in people:
        head = heads[person.department]
        if person is not director:
            manager = director if person is head else head
            company.change(company.dns[person.login], manager=company.dns[manager.login])


def person_attributes(number: int, person: Person) -> dict[str, object]:
    """What people like this one have, and now and then lack."""
    external = person.department == EXTERNAL

    def lacks(every: int, remainder: int) -> bool:
        return not person.notable and number % every == remainder

    common: dict[str, object] = {
        "givenName": person.given_name,
        "sn": person.surname,
        "displayName": None if lacks(100, 42) else person.name,
        "mail": None if lacks(25, 13) else f"{person.login}@{DOMAIN}",
        "telephoneNumber": person.telephone,
        "ipPhone": str(4000 + number) if person.department in ("Engineering", "IT") else None,
        "mobile": f"+49 170 {5550000 + number}" if number % 5 < 3 else None,
        "department": None if lacks(60, 31) else person.department,
        "title": TITLES[person.department][number % len(TITLES[person.department])],
        "company": "Freelance & Söhne KG" if external else "Example GmbH",
        "physicalDeliveryOfficeName": office(number),
        "employeeID": None if lacks(30, 17) else f"E{10000 + number}",
        "employeeType": "contractor" if external else "intern" if number % 50 == 49 else "staff",
        "accountExpires": IN_2100 if external else None,
    }
    if lacks(25, 5):
        common["userAccountControl"] = DISABLED
    elif lacks(60, 26):
        common["accountExpires"] = IN_2020
    elif number % 9 == 4:
        common["userAccountControl"] = NEVER_EXPIRES
    return common | person.attributes


def office(number: int) -> str:
    return OFFICES[number % len(OFFICES)]


def others(company: Company) -> None:
    """Accounts that are no people at work: rooms with a telephone, people who left, machines, contacts."""
    for number in range(12):
        site = office(number)
        name = f"Room {site} {number}"
        attributes = {"displayName": name, "employeeType": "room", "telephoneNumber": f"1555 {2900 + number}"}
        company.user(f"OU={site},OU=Sites", name, f"room-{number}", attributes)
    for number in range(8):
        login = f"former-{number}"
        attributes = {"givenName": "Former", "sn": f"Employee {number}", "mail": f"{login}@{DOMAIN}"}
        attributes |= {"employeeType": "staff", "telephoneNumber": f"1555 {2950 + number}"}
        attributes |= {"userAccountControl": DISABLED}
        company.user("OU=Former Employees", f"Former Employee {number}", login, attributes)
    for number in range(5):
        dn = company.child("CN", f"PC-{number}", "OU=Workstations")
        # Of class computer, which Active Directory derives from user.
        company.add(dn, {"objectClass": "computer", "sAMAccountName": f"PC-{number}$", "userAccountControl": "4096"})
    for name in PARTNERS:
        mail = f"{name.replace(' ', '.').lower()}@partner.example"
        company.add(company.child("CN", name, "OU=External,OU=Staff"), {"objectClass": "contact", "mail": mail})


def service_accounts(company: Company) -> None:
    """One that works, and one for each reason to refuse a right password; README.md has the codes."""

    def account(name: str, **attributes: object) -> str:
        return company.user("OU=Service Accounts", name, name, attributes, SERVICE_PASSWORD)

    account("svc-adsync", userAccountControl=NEVER_EXPIRES)
    account("svc-disabled", userAccountControl=DISABLED)
    account("svc-expired", accountExpires=IN_2020)
    account("svc-expired-password", pwdLastSet="0")
    account("svc-no-hours", logonHours=bytes(21))
    account("svc-elsewhere", userWorkstations="PC-0")
    locked = account("svc-locked-out")
    company.change(locked, lockoutTime=IN_2100)
    outdated = account("svc-outdated-password")
    # Past the module that takes no other time than now.
    company.change(outdated, [f"local_oid:{dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID}:0"], pwdLastSet=IN_1901)


def groups(company: Company, people: list[Person]) -> None:
    everyone = [company.dns[person.login] for person in people]
    of = {name: [company.dns[p.login] for p in people if p.department == name] for name in [*DEPARTMENTS, EXTERNAL]}
    in_munich = [dn for number, dn in enumerate(everyone) if office(number) == "München"]
    partners = [company.child("CN", name, "OU=External,OU=Staff") for name in PARTNERS]

    unit = "OU=Departments"
    departments = [company.group(unit, name, of[name], mail=f"{name.lower()}@{DOMAIN}") for name in DEPARTMENTS]
    company.group(unit, "Büro München", in_munich)
    company.group(unit, "All Hands", everyone, DISTRIBUTION_LIST, f"all@{DOMAIN}")
    company.group(unit, "Reception", of["HR"][:3], DISTRIBUTION_LIST, f"reception@{DOMAIN}")
    company.group(unit, "Partners", partners + of["Sales"][:2], DISTRIBUTION_LIST)

    unit = "OU=Groups"
    company.group(unit, "Phone Users", departments + of[EXTERNAL][:5])
    company.group(unit, "Phone Users Excluded", of["Management"][1:5])
    third = company.group(unit, "Hotline Third Level", of["Engineering"][10:14])
    second = company.group(unit, "Hotline Second Level", [third, *of["IT"][10:14]])
    company.group(unit, "Hotline", [second, *of["Support"][10:18]])
    red = company.group(unit, "Project Red", of["Engineering"][20:23])
    blue = company.group(unit, "Project Blue", [red, *of["Finance"][10:13]])
    company.change(red, member=[*of["Engineering"][20:23], blue])
    company.group(unit, "Nobody", [])
    contractors(company, of[EXTERNAL], of["IT"][20:21])


def contractors(company: Company, primarily: list[str], also: list[str]) -> None:
    """A group that is the primary group of some: these are not among its `member` values any more."""
    group = company.group("OU=Groups", "Contractors", primarily + also)
    found = company.database.search(group, scope=ldb.SCOPE_BASE, attrs=["primaryGroupToken"])
    for dn in primarily:
        company.change(dn, primaryGroupID=str(found[0]["primaryGroupToken"]))


def bulk(company: Company) -> None:
    members = []
    for number in range(1600):
        login, surname = f"bulk-{number:04}", f"User {number:04}"
        attributes = {"givenName": "Bulk", "sn": surname, "displayName": f"Bulk {surname}", "mail": f"{login}@{DOMAIN}"}
        attributes |= {"telephoneNumber": f"1666 {number:04}", "employeeType": "bulk"}
        members.append(company.user("OU=Bulk", f"Bulk {surname}", login, attributes))
    company.group("OU=Bulk", "Bulk Everyone", members)


def main(configuration: str) -> None:
    company = Company(configuration)
    people = everybody()
    company.database.transaction_start()
    policy(company)
    units(company)
    staff(company, people)
    others(company)
    service_accounts(company)
    groups(company, people)
    bulk(company)
    company.database.transaction_commit()


if __name__ == "__main__":
    main(sys.argv[1])
