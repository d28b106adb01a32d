# SPDX-License-Identifier: BSD-2-Clause
"""Which charset the texts of a list in a language are in: as Mailman 2.1.39 came from its makers, but
for French, of which the site's mm_cfg.py says something else."""

LANGUAGES = {"en": "us-ascii", "de": "iso-8859-1", "fr": "utf-8", "ja": "euc-jp",
             "pl": "iso-8859-2", "ru": "utf-8", "cs": "iso-8859-2", "zh_CN": "utf-8"}


def encoded(text: str, language: str) -> bytes:
    """What Mailman has in its files for `text` on a page of that language."""
    return text.encode(LANGUAGES[language])
