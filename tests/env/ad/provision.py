#!/usr/bin/python3
"""provision.py FOLDER: an empty Active Directory domain in FOLDER, without the rights of root.

`samba-tool domain provision` would set ACLs on sysvol and ask for root; its library can be told not to. The name server
and sysvol are left out: nobody asks this domain controller for anything but LDAP.
"""

import logging
import sys
from pathlib import Path

from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import security
from samba.param import LoadParm
from samba.provision import provision

ADMIN_PASSWORD = "Passw0rd.Adm1n"


def main(folder: Path) -> None:
    scratch = folder / "provision"
    scratch.mkdir(parents=True)
    empty = scratch / "empty.conf"
    empty.write_text("[global]\n")
    settings = LoadParm()
    settings.load(str(empty))
    logger = logging.getLogger("provision")
    logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.WARNING)
    provision(
        logger,
        session_info=system_session(),
        smbconf=str(scratch / "smb.conf"),
        targetdir=str(folder),
        realm="EXAMPLE.COM",
        domain="EXAMPLE",
        hostname="dc1",
        hostip="127.0.0.1",
        adminpass=ADMIN_PASSWORD,
        serverrole="active directory domain controller",
        dom_for_fun_level=dsdb.DS_DOMAIN_FUNCTION_2008_R2,
        domainsid=security.dom_sid("S-1-5-21-1111111111-2222222222-3333333333"),
        dns_backend="NONE",
        # tdb, the default, is quadratic in places; mdb's size is only address space.
        backend_store="mdb",
        backend_store_size=8 * 1024**3,
        skip_sysvolacl=True,
        use_rfc2307=False,
        plaintext_secrets=True,
        batch_mode=True,
        lp=settings,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
