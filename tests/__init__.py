"""The tests mirror the tree: tests/<app>/test_<route or command>.py."""
