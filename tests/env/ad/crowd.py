#!/usr/bin/python3
"""crowd.py SMB.CONF PEOPLE: adds a large company to the small one, for benches: so many people, and a team for every ten.

They are below `OU=Crowd`: the people in ten OUs of `OU=People`, the teams in `OU=Teams`. Everybody has what is usually
synced, is in one team, and has no password: it would cost more time than all the rest.
"""

import sys

from company import DOMAIN, Company, office
from people import GIVEN_NAMES, SURNAMES, ascii_name

UNITS = 10
TEAM = 10


def people(company: Company, count: int) -> list[str]:
    company.unit("Crowd")
    company.unit("People", "OU=Crowd")
    for unit in range(UNITS):
        company.unit(f"Unit {unit}", "OU=People,OU=Crowd")
    return [person(company, number) for number in range(count)]


def person(company: Company, number: int) -> str:
    given_name = GIVEN_NAMES[number % len(GIVEN_NAMES)]
    surname = SURNAMES[number // len(GIVEN_NAMES) % len(SURNAMES)]
    unit = number % UNITS
    attributes = {
        "givenName": given_name,
        "sn": surname,
        "displayName": f"{surname}, {given_name}",
        "mail": f"{ascii_name(given_name)}.{ascii_name(surname)}.{number}@{DOMAIN}",
        "telephoneNumber": f"+49 30 {number:07}",
        "mobile": f"+49 170 {number:07}",
        "department": f"Unit {unit}",
        "title": "System Administrator",
        "company": "Example GmbH",
        "physicalDeliveryOfficeName": office(number),
        "employeeID": f"C{number:07}",
    }
    parent = f"OU=Unit {unit},OU=People,OU=Crowd"
    return company.user(parent, f"{given_name} {surname} {number}", f"crowd-{number}", attributes)


def teams(company: Company, members: list[str]) -> None:
    company.unit("Teams", "OU=Crowd")
    for number, first in enumerate(range(0, len(members), TEAM)):
        company.group("OU=Teams,OU=Crowd", f"Team {number}", members[first : first + TEAM])


def main(configuration: str, count: int) -> None:
    company = Company(configuration)
    company.database.transaction_start()
    teams(company, people(company, count))
    company.database.transaction_commit()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
