"""python3 -m unittest discover tools/site"""

import tempfile
import unittest
from pathlib import Path

from links import check


class Links(unittest.TestCase):
    def wrong(self, **pages: str) -> list[str]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for page, text in pages.items():
                path = folder / (page.replace("__", "/") + ".html")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check(folder)

    def test_good_links(self) -> None:
        self.assertEqual([], self.wrong(
            index='<meta http-equiv="refresh" content="0; url=docs/a.html">',
            docs__a='<h1 id="top">A</h1><a href="#top"></a><a href="b.html#here"></a><a href="https://example.com/none"></a>',
            docs__b='<p id="here"></p><a href="../index.html"></a>',
        ))

    def test_a_file_that_is_not_there(self) -> None:
        self.assertEqual(["index.html: a.html: no such file"], self.wrong(index='<a href="a.html"></a>'))

    def test_an_image_that_is_not_there(self) -> None:
        self.assertEqual(["index.html: a.png: no such file"], self.wrong(index='<img src="a.png">'))

    def test_an_anchor_that_is_not_there(self) -> None:
        self.assertEqual(["index.html: a.html#x: no such place"], self.wrong(index='<a href="a.html#x"></a><a href="a.html#y"></a>', a='<h1 id="y"></h1>'))
        self.assertEqual(["index.html: #x: no such place"], self.wrong(index='<a href="#x"></a>'))

    def test_a_link_out_of_the_site(self) -> None:
        self.assertEqual(1, len(self.wrong(index='<a href="../../etc/passwd"></a>')))

    def test_a_page_that_nothing_leads_to(self) -> None:
        self.assertEqual(["a.html: nothing leads to it"], self.wrong(index="", a=""))


if __name__ == "__main__":
    unittest.main()
