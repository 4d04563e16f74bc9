"""The page kit: what every HTML page of ours is made with.

An area keeps its pages in its own `pages.py`, and their rows in its `urls.py`.
"""
