"""The `epofusion` command: each subcommand is a thin file that calls the packages."""
