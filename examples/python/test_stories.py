"""Each example must say what the README of the same example in Go promises. The test needs a server: lh serve."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent


class Stories(unittest.TestCase):
    def tell(self, name: str) -> None:
        readme = (HERE.parent / name / "README.md").read_text()
        promised = re.search(r"```text\n(.*?)```", readme, re.S)
        said = subprocess.run([sys.executable, f"{name}.py"], cwd=HERE, stdout=subprocess.PIPE, text=True, timeout=240)
        self.assertEqual(0, said.returncode)
        self.assertEqual(even(promised.group(1)), even(said.stdout))

    def test_orders(self) -> None:
        self.tell("orders")

    def test_alerts(self) -> None:
        self.tell("alerts")

    def test_approval(self) -> None:
        self.tell("approval")


def even(text: str) -> str:
    """Ids differ in each run."""
    return re.sub(r"[0-9a-f]{32}", "<id>", text)


if __name__ == "__main__":
    unittest.main()
