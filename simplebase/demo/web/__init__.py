"""The demo as a page in the browser, served only on this machine. Needs the extra `web`."""

from simplebase.demo.web.page import ADDRESS, build_page, open_page

__all__ = ["ADDRESS", "build_page", "open_page"]
