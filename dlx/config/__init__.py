"""The configuration: files and command line in, one checked and frozen `Config` out. No torch."""
