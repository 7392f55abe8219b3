"""`simplebase doctor`: what this installation has, what is missing, and the line that gets it."""

from simplebase.doctor.examination import Advice, Examination, examine

__all__ = ["Advice", "Examination", "examine"]
