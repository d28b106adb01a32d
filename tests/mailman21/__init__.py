# SPDX-License-Identifier: BSD-2-Clause
"""A Mailman 2.1 site, made of nothing but what is known of its file formats.

    site = Site(tmp_path, "debian")       # or "source", "redhat"
    site.make()
    site.truth                            # what was put in, as plain JSON

pickling.py    Python 2's pickles, protocols 0 and 1, and marshal, version 2
charsets.py    which charset a list's texts are in
defaults.py    every attribute of a list, and in which data version it came
persons.py     members, and what the nine dictionaries of a list hold of them
letters.py     messages, as text and as Mailman keeps them in its pickles
archives.py    an mbox, and what pipermail made of it
characters.py  the lists of the site: twelve, each of another character
site.py        where all of it lies: three layouts; queues, locks, logs
stories.py     on two hosts: logs that tell what became of posts, some of which vanished
standin.py     stands in for mailmanctl, qrunner and the wrapper

Nothing in here asks for the time or rolls dice: the same site comes out each time, but for the mtime
of two locks, which have to lie in the future. Run `python3 -m mailman21 FOLDER [LAYOUT]` in tests/ to
have one to look at; the truth is printed.
"""

from .site import LAYOUTS, Bare, Site

__all__ = ["LAYOUTS", "Bare", "Site"]
