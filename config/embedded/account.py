"""The account that a server runs under: PostgreSQL refuses root, so root steps down to somebody else."""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from config.embedded.errors import EmbeddedError
from config.embedded.home import make_folder


class Identity(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that choose the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A user by number. `stepped_down` is true when it is not the one who started the launcher."""

    uid: int
    gid: int
    name: str
    stepped_down: bool

    def identity(self) -> Identity:
        """What to hand to Popen; empty when nothing changes, so that it also works without privileges."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.stepped_down else {}

    def reaches(self, folder: Path) -> bool:
        """Whether this account can pass through every folder down to this one."""
        return self._can("-x", folder)

    def writes(self, folder: Path) -> bool:
        """Whether this account can make files in the folder."""
        return self._can("-w", folder)

    def _can(self, test: str, folder: Path) -> bool:
        answer = subprocess.run(
            ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(folder)], cwd="/", check=False, **self.identity()
        )
        return answer.returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or a folder (itself, not what is in it) to this account."""
        if self.stepped_down:
            os.chown(path, self.uid, self.gid)


def server_account(owned: Path) -> Account:
    """The account for a server whose data is, or will be, the folder `owned`.

    Without privileges: oneself. Root: whoever owns the data already, else the user behind sudo, else the
    owner of the current folder, else `postgres`, else `nobody`. Raises EmbeddedError when the data belongs
    to somebody that we cannot become.
    """
    uid = os.geteuid()
    owner = owned.stat().st_uid if owned.exists() else None
    if uid == 0:
        return _step_down(owner)
    if owner not in (None, uid):
        raise EmbeddedError(
            f"{owned} belongs to user number {owner}, and you are number {uid}. Run as that user "
            "or as root, or choose another data folder with HUB_HOME."
        )
    return this_account()


def this_account() -> Account:
    """Whoever started the launcher."""
    uid = os.geteuid()
    entry = _entry(uid)
    return Account(uid, os.getegid(), entry.pw_name if entry else str(uid), stepped_down=False)


def _step_down(owner: int | None) -> Account:
    candidates: list[int | str | None] = [
        owner,
        int(os.environ.get("SUDO_UID") or 0),
        Path.cwd().stat().st_uid,
        "postgres",
        "nobody",
    ]
    for candidate in candidates:
        entry = _entry(candidate)
        if entry and entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, stepped_down=True)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and this machine has no other account to run it under "
        "(looked for `postgres` and `nobody`). Add one, or start as an ordinary user."
    )


def _entry(candidate: int | str | None) -> pwd.struct_passwd | None:
    # initdb looks its own account up, so a number without an entry in passwd will not do.
    try:
        if isinstance(candidate, str):
            return pwd.getpwnam(candidate)
        return None if candidate is None else pwd.getpwuid(candidate)
    except KeyError:
        return None


def reachable_folder(folder: Path, account: Account, *, elsewhere: Path) -> Path:
    """The folder itself, or when the account cannot get there (a checkout under a 0700 home), another one.

    The other place is `elsewhere/<hash>`; a note `moved-to` in the folder says so. Raises EmbeddedError
    when that cannot be reached either.
    """
    if account.reaches(folder):
        return folder
    other = make_folder(elsewhere / _short_hash(folder))
    if not account.reaches(other):
        raise EmbeddedError(
            f"The account `{account.name}` can enter neither {folder} nor {other}. Set HUB_HOME to a "
            "folder whose parents everybody may pass through (mode 0711), such as /srv/tandem."
        )
    (folder / "moved-to").write_text(f"{other}\n")
    return other


def copy_for(account: Account, source: Path, target: Path) -> Path:
    """Copy a folder of programs once to where the account can run them; returns the target."""
    if not target.is_dir():
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copytree(source, draft, symlinks=True)
        draft.chmod(0o755)
        draft.rename(target)
    if not account.reaches(target):
        raise EmbeddedError(f"The account `{account.name}` cannot reach the copy of the programs in {target}.")
    return target


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
