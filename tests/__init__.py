"""The tests. They mirror the source; `sites/` starts the real software they run against."""
