"""A large company as LDIF, the same on every machine: company.py HOW-MANY-PEOPLE ROOT-DSE-FILE"""

import random
import sys
from base64 import b64encode
from pathlib import Path

DOMAIN = "DC=example,DC=com"
SERVICE = f"CN=NTDS Settings,CN=Configuration,{DOMAIN}"
GIVEN_NAMES = "Anja Ben Carla David Emma Felix Greta Hans Ida Jörg Karin Lars Maja Nils Olga Paul Rosa Stefan Zoë".split()
SURNAMES = "Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Krüger Köhler Weiß Nowak Kowalski".split()
TITLES = ["Software Engineer", "Account Manager", "Support Engineer", "Accountant", "Architect", "Director"]
OFFICES = ["Berlin", "Hamburg", "München", "Wrocław"]
# How many people are in a team, which is a group, and in a department, which is an organizational unit.
TEAM = 100
DEPARTMENT = 1000

_random = random.Random(4)


def _entry(dn, **attributes):
    """Text that is no plain ASCII is written as base64 (RFC 2849), and so are bytes."""
    lines = []
    for name, values in {"dn": dn, **attributes}.items():
        for value in values if isinstance(values, list) else [values]:
            value = value.encode() if isinstance(value, str) else value
            plain = isinstance(value, bytes) and value.isascii() and value[:1].isalnum()
            lines.append(f"{name}: {value.decode()}" if plain else f"{name}:: {b64encode(value).decode()}")
    print("\n".join(lines), end="\n\n")


def _guid():
    return _random.randbytes(6) + b"\x4a\xdc\x80" + _random.randbytes(7)


def _sid(relative):
    return bytes.fromhex("010500000000000515000000") + b"adsync-bench"[:12] + relative.to_bytes(4, "little")


def _person_dn(number):
    return f"CN={_name(number)} {number:06},OU=Department {number // DEPARTMENT:03},OU=Staff,{DOMAIN}"


def _team_dn(team):
    return f"CN=Team {team:05},OU=Groups,{DOMAIN}"


def _name(number):
    return f"{GIVEN_NAMES[number % len(GIVEN_NAMES)]} {SURNAMES[number % len(SURNAMES)]}"


def _person(number):
    login = f"user{number:06}"
    given_name, surname = _name(number).split()
    _entry(
        _person_dn(number),
        objectClass=["top", "person", "organizationalPerson", "user"],
        cn=f"{_name(number)} {number:06}",
        objectCategory="person",
        objectGUID=_guid(),
        objectSid=_sid(10_000 + number),
        sAMAccountName=login,
        userPrincipalName=f"{login}@example.com",
        userAccountControl="514" if number % 50 == 0 else "512",
        accountExpires="9223372036854775807",
        primaryGroupID="513",
        givenName=given_name,
        sn=surname,
        displayName=_name(number),
        mail=f"{login}@example.com",
        employeeID=f"E{number:07}",
        department=f"Department {number // DEPARTMENT:03}",
        title=TITLES[number % len(TITLES)],
        company="Example Corporation",
        physicalDeliveryOfficeName=OFFICES[number % len(OFFICES)],
        telephoneNumber=f"+49 30 555 {number:06}",
        mobile=f"+49 170 555 {number:06}",
        memberOf=_team_dn(number // TEAM),
    )


def _group(team, people):
    _entry(
        _team_dn(team),
        objectClass=["top", "group"],
        cn=f"Team {team:05}",
        objectGUID=_guid(),
        objectSid=_sid(1_000_000 + team),
        sAMAccountName=f"Team {team:05}",
        groupType="-2147483646",
        member=[_person_dn(number) for number in people],
    )


def _unit(name, above):
    dn = f"OU={name},{above}"
    _entry(dn, objectClass=["top", "organizationalUnit", "unit"], ou=name, objectGUID=_guid())
    return dn


def main(people, root_dse):
    sys.stdout.reconfigure(encoding="utf-8")
    _entry(DOMAIN, objectClass=["top", "domainDNS"], dc="example", objectGUID=_guid())
    _entry(f"CN=Configuration,{DOMAIN}", objectClass=["top", "container"], cn="Configuration", objectGUID=_guid())
    _entry(SERVICE, objectClass=["top", "nTDSDSA"], cn="NTDS Settings", invocationId=_guid())
    _unit("Groups", DOMAIN)
    staff = _unit("Staff", DOMAIN)
    for department in range(-(-people // DEPARTMENT)):
        _unit(f"Department {department:03}", staff)
    for number in range(people):
        _person(number)
    for team in range(-(-people // TEAM)):
        _group(team, range(team * TEAM, min((team + 1) * TEAM, people)))
    root_dse.write_text(f"dn:\ndefaultNamingContext: {DOMAIN}\ndsServiceName: {SERVICE}\nhighestCommittedUSN: 1\n")


main(int(sys.argv[1]), Path(sys.argv[2]))
