"""`simplebase doctor`: what is installed, what is missing, and the command that installs it."""

from simplebase.doctor.examination import Advice, Examination, examine

__all__ = ["Advice", "Examination", "examine"]
