"""Who works for the company: names, logins and telephone numbers, the same on every machine. Knows nothing of LDAP."""

import random
import unicodedata
from dataclasses import dataclass, field

DEPARTMENTS = {"Sales": 60, "Support": 50, "Engineering": 80, "Finance": 30, "HR": 20, "IT": 30, "Management": 10}
EXTERNAL = "External"
EXTERNALS = 20

TITLES = {
    "Sales": ["Account Manager", "Sales Representative", "Key Account Manager"],
    "Support": ["Support Engineer", "Support Agent", "Team Lead Support"],
    "Engineering": ["Software Engineer", "Test Engineer", "Architect"],
    "Finance": ["Controller", "Accountant"],
    "HR": ["HR Business Partner", "Recruiter"],
    "IT": ["System Administrator", "Network Engineer"],
    "Management": ["Director", "Vice President"],
    EXTERNAL: ["Consultant", "Contractor"],
}
OFFICES = ["Berlin", "Hamburg", "München", "Wrocław"]

GIVEN_NAMES = """
Anja Ben Carla David Emma Felix Greta Hans Ida Jörg Karin Lars Maja Nils Olga Paul Quirin Rosa Stefan Tina Uwe Vera
Walter Xenia Yvonne Zoë Ayşe Çelik Łukasz Agnieszka Siobhán Seán Chloé François Søren Åsa José Lucía Jean-Luc
Anne-Marie Björn Käthe Günther Ömer Žofia Dáithí Niamh Grace Oliver Priya Arjun Kenji Linh Mehmet Fatma Petra
Holger Silke Dirk
""".split()
SURNAMES = """
Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz
Zimmermann Braun Krüger Hofmann Hartmann Lange Krause Köhler Groß Weiß Yılmaz Öztürk Kowalski Wiśniewska Nowak
O'Connor O'Neill MacDonald McCarthy D'Angelo Müller-Lüdenscheidt García Núñez Sørensen Ångström Lefèvre Dvořák
Nguyễn Patel Tanaka Smith Jones Taylor Wood Meyer-Landrut Straßer Jäger
""".split()
CYRILLIC = ["Иван Петров", "Ольга Смирнова", "Дмитрий Соколов", "Наталія Шевченко", "Георги Димитров", "Юлия Щукина"]


@dataclass
class Person:
    """`attributes` are those that come out otherwise than for most people."""

    given_name: str | None
    surname: str | None
    department: str
    login: str = ""
    common_name: str = ""
    telephone: str | None = None
    attributes: dict[str, object] = field(default_factory=dict)
    notable: bool = False

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.given_name, self.surname) if part)


_LATIN = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "ł": "l", "ı": "i", "đ": "d"}
_CYRILLIC = dict(zip("абвгдезийклмнопрстуфыэіїє", "abvgdeziiklmnoprstufyeiie", strict=True))
_CYRILLIC |= {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya"}
_CYRILLIC |= {"ь": "", "ъ": "a"}
_TRANSLITERATION = _LATIN | _CYRILLIC


def ascii_name(text: str) -> str:
    """As a login is made from a name: "Käthe Groß" is "kaethe.gross"."""
    text = unicodedata.normalize("NFC", text).lower()
    text = "".join(_TRANSLITERATION.get(character, character) for character in text)
    text = unicodedata.normalize("NFD", text)
    return "".join(c for c in text.replace(" ", ".") if c.isascii() and (c.isalnum() or c in ".-"))


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def notable() -> list[Person]:
    """The people whom tests know by name; README.md says what is special about each."""
    composed_mail = {"mail": "jürgen.müller@example.com"}
    decomposed_mail = {"mail": decomposed("jürgen.müller@example.com")}
    shared_mail = {"mail": "support@example.com"}
    locked = {"lockoutTime": "157469184000000000"}  # the year 2100
    people = [
        Person("Anna", "Schmidt", "Sales", "anna.schmidt", telephone="1555 2001"),
        Person("Anna", "Schmidt", "Support", "anna.schmidt2", telephone="1555-2002"),
        Person("Jürgen", "Müller", "Sales", "jmueller", "Müller, Jürgen", "1 (555) 2003", composed_mail),
        Person(decomposed("Jürgen"), decomposed("Müller"), "Support", "jmueller2", "", "+1 555 2004", decomposed_mail),
        Person("Pat", "O'Brien", "Sales", "pat.obrien", telephone="1.555.2005"),
        Person("Tim", "Berger", "Support", "tim.berger", telephone="x2006", attributes=shared_mail),
        Person("Ina", "Lorenz", "Support", "ina.lorenz", telephone="ext. 2007", attributes=shared_mail),
        Person("Ute", "Doppel", "Finance", "ute.doppel", telephone="1555 2008"),
        Person("Udo", "Doppel", "Finance", "udo.doppel", telephone="15552008"),
        Person("Lothar", "Gesperrt", "Finance", "lothar.gesperrt", attributes=locked),
        Person(None, "Sukarno", "Engineering", "sukarno", telephone="1555\N{NO-BREAK SPACE}2009"),
        Person("Cher", None, "Engineering", "cher", telephone="  1555 2010 "),
        Person("芳", "王", "Engineering", "fang.wang", telephone="+49 (0)30 555 1234 ext. 2011"),
        Person("Erika", "Mustermann", "Management", "erika.mustermann", telephone="1555 2000"),
    ]
    for number, name in enumerate(CYRILLIC):
        people.append(Person(*name.split(), "IT", telephone=f"1555{2012 + number}"))
    for person in people:
        person.notable = True
    return people


def everybody() -> list[Person]:
    """All of Staff: the notable people, and as many more as it takes."""
    chance = random.Random(1555)
    people = notable()
    names = [(given_name, surname) for given_name in GIVEN_NAMES for surname in SURNAMES]
    chance.shuffle(names)
    for department, size in (DEPARTMENTS | {EXTERNAL: EXTERNALS}).items():
        missing = size - sum(person.department == department for person in people)
        people += [Person(*names.pop(), department) for _ in range(missing)]
    taken = {person.login for person in people}
    for number, person in enumerate(people):
        if not person.login:
            person.login = free_login(ascii_name(person.name), taken)
        if not person.common_name:
            # Every eighth the way that some administrators have it, with a comma in the DN.
            person.common_name = f"{person.surname}, {person.given_name}" if number % 8 == 7 else person.name
    give_numbers(people)
    return people


def free_login(wanted: str, taken: set[str]) -> str:
    """Active Directory allows 20 characters."""
    login = wanted[:20].rstrip(".-")
    number = 2
    while login in taken:
        login = f"{wanted[:18].rstrip('.-')}{number}"
        number += 1
    taken.add(login)
    return login


def give_numbers(people: list[Person]) -> None:
    """Telephone numbers as people type them. Two of three fit ^1555(\\d{4})$ once all but their digits is gone."""
    fitting = ["1555 {}", "1555-{}", "1 (555) {}", "+1 555 {}", "1.555.{}", "1555{}", "1-555-{}", "1555/{}"]
    others = ["+49 30 555-{}", "(030) 555{}", "x{}", "ext. {}", "030/555 {}", "0049 30 555{}", "+49 (0)30 555 {}", "n/a"]
    others.append(None)
    for number, person in enumerate(person for person in people if not person.notable):
        pattern = others[number // 3 % len(others)] if number % 3 == 2 else fitting[number % len(fitting)]
        person.telephone = pattern and pattern.format(2100 + number)
