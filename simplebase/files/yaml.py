"""Reads foreign YAML: presets, recipes, a run's configuration.

A few lines of YAML can expand to a billion values, by anchors that contain aliases of other
anchors. So nodes are counted while the text is parsed, an alias with all nodes of its anchor, and
nothing is built before the count is known.
"""

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from simplebase.errors import DataError, one_line, shown
from simplebase.files import require_length

MOST_BYTES = 1 << 20
"""Most bytes of a YAML file, ten times our longest, a run with a thousand keypoints."""

_MOST_NODES = 100_000
_DEEPEST = 50
_LONGEST_PROBLEM = 200


def parse_yaml(text: str, name: str) -> Any:
    """Parses a YAML text.

    Dates remain strings, and each key of a mapping may occur only once.

    Args:
        text: the YAML.
        name: name of its file or option, for messages.

    Raises:
        DataError: it is not valid YAML, too long, nested too deeply, expands to too many values, or
            has a key twice.
    """
    require_length(text, MOST_BYTES, name)
    try:
        return _Loader(text).get_single_data()
    except _Refused as refused:
        mark = refused.node.start_mark
        raise DataError(f"{name}, line {mark.line + 1}: {refused}") from None
    # ValueError and OverflowError: for numbers that Python cannot read, for example.
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(f"{name} is not valid YAML: {_problem(error)}.") from error


def parse_own_yaml(text: str) -> Any:
    """Parses a YAML text of this package, which needs no bounds.

    The C parser in PyYAML's wheels takes a tenth of the time.
    """
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _problem(error: Exception) -> str:
    """Returns line and problem as one line."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return one_line(error)[:_LONGEST_PROBLEM].rstrip(".")
    problem = str(error.problem).rstrip(".")
    return f"line {error.problem_mark.line + 1}, {problem[:_LONGEST_PROBLEM]}"


class _Refused(Exception):
    """Raised for valid YAML that is refused, with the node."""

    def __init__(self, message: str, node: Any) -> None:
        super().__init__(message)
        self.node = node


class _Loader(yaml.SafeLoader):
    """`SafeLoader` with bounds."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        # Number of nodes in each node, including itself; unknown for nodes that are still open.
        self._counts: dict[int, int] = {}
        self._open: list[int] = []

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()
        if self.check_event(yaml.AliasEvent):
            node = super().compose_node(parent, index)
            count = self._counts.get(id(node))
            if count is None:
                raise _Refused(f"the alias *{event.anchor} stands inside its own anchor.", event)
        else:
            if len(self._open) >= _DEEPEST:
                raise _Refused(f"it is nested deeper than {_DEEPEST} levels.", event)
            self._open.append(1)
            node = super().compose_node(parent, index)
            count = self._open.pop()
            self._counts[id(node)] = count
            if isinstance(node, MappingNode):
                _require_single_keys(node)
        if self._open:
            self._open[-1] += count
            count = self._open[-1]
        if count > _MOST_NODES:
            raise _Refused(
                f"there are more than {_MOST_NODES} values when its aliases are expanded.", event
            )
        return node


def _require_single_keys(mapping: MappingNode) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        if not isinstance(key, ScalarNode):
            continue
        if first := lines.get((key.tag, key.value)):
            raise _Refused(f"the key {shown(key.value)} is there already (line {first}).", key)
        lines[key.tag, key.value] = key.start_mark.line + 1


# Dates remain strings, because a preset may be called 2024-05-01.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
