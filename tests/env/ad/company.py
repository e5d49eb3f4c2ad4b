#!/usr/bin/python3
"""company.py SMB.CONF: fills the domain with the company."""
import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
settings = LoadParm()
settings.load(sys.argv[1])
database = SamDB(url=settings.private_path("sam.ldb"), session_info=system_session(), lp=settings)
base = str(database.domain_dn())
database.add({"dn": f"OU=Tests,{base}", "objectClass": "organizationalUnit"})
