"""`python -m simplebase`."""

from simplebase.cli import main

main()
