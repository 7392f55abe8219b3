"""Reads skeletons in SLEAP's metadata: networkx graphs, written by jsonpickle.

```
nodes:      [{"name": "A"}, {"name": "B"}]         of all skeletons
skeletons:  [{"nodes": [{"id": 1}, {"id": 0}],     order of the points: B, A
              "links": [{"source": 1, "target": 0,
                         "type": {"py/reduce": [.., {"py/tuple": [1]}]}}]}]
```

A link's type is 1 for a line and 2 for two nodes that are symmetric. It is written once, and later
links refer to it: `{"py/id": 1}` is the first type that was written.
"""

from pathlib import Path
from typing import Any

from simplebase.converters.labelled import pairs_note
from simplebase.data import expect
from simplebase.errors import DataError
from simplebase.skeletons import Link, Skeleton, pairs_by_name
from simplebase.skeletons.sides import pairs_text

_LINE, _SYMMETRY = 1, 2
_ENDS = ("source", "target")


def read_skeletons(metadata: dict[str, Any], where: str) -> list[list[str]]:
    """Returns the names of the nodes of each skeleton, in the order of its points."""
    nodes = _all_nodes(metadata, where)
    found = []
    for index, graph in enumerate(_graphs(metadata, where)):
        at = f"{where}, skeletons[{index}]"
        names = [nodes[number] for number in _numbers(graph, len(nodes), at)]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{at} has two nodes {twice!r}. Rename one of them in SLEAP.")
        found.append(names)
    return found


def single_skeleton(
    name: str, metadata: dict[str, Any], names: list[list[str]], path: Path
) -> tuple[Skeleton, list[str]]:
    """Returns one skeleton with the nodes of all skeletons, and notes on it.

    Args:
        name: name of the skeleton.
        metadata: metadata of the file.
        names: the result of `read_skeletons`.
        path: the file, for messages.

    Symmetric nodes swap in a flip. If the file has none, pairs are inferred from the names.
    """
    keypoints = tuple(dict.fromkeys(each for part in names for each in part))
    if not keypoints:
        raise DataError(f"{path} has no skeleton with nodes.")
    nodes = _all_nodes(metadata, str(path))
    links: dict[frozenset[str], Link] = {}
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for graph in _graphs(metadata, str(path)):
        for source, target, kind in _edges(graph, nodes, str(path)):
            both = frozenset((source, target))
            if len(both) == 2 and both <= {*keypoints}:
                if kind == _LINE:
                    links.setdefault(both, Link(source, target))
                elif kind == _SYMMETRY and not any(both & other for other in pairs):
                    pairs[both] = (source, target)
    flips = tuple(pairs.values()) or pairs_by_name(keypoints)
    skeleton = Skeleton(name, keypoints, flips, links=tuple(links.values()))
    symmetric = f"flip pairs, the symmetric nodes of the file: {pairs_text(flips)}"
    return skeleton, [
        "keypoints: " + ", ".join(keypoints),
        symmetric if pairs else pairs_note(skeleton),
    ]


def _all_nodes(metadata: dict[str, Any], where: str) -> list[str]:
    return [
        expect.name(expect.mapping(node, f"{where}, nodes").get("name"), f"{where}, nodes")
        for node in expect.items(metadata.get("nodes"), f"{where}, nodes")
    ]


def _graphs(metadata: dict[str, Any], where: str) -> list[dict[str, Any]]:
    graphs = [
        expect.mapping(graph, f"{where}, skeletons")
        for graph in expect.items(metadata.get("skeletons"), f"{where}, skeletons")
    ]
    # Since 1.3.2, SLEAP stores a preview image beside the graph.
    return [expect.mapping(graph.get("nx_graph", graph), f"{where}, skeletons") for graph in graphs]


def _numbers(graph: dict[str, Any], count: int, where: str) -> list[int]:
    """Returns indices into the list of all nodes."""
    numbers = [
        expect.integer(expect.mapping(node, where).get("id"), f"{where}.nodes.id")
        for node in expect.items(graph.get("nodes"), f"{where}.nodes")
    ]
    for number in numbers:
        if not 0 <= number < count:
            raise DataError(f"{where} has a node {number}, but the file has {count} nodes.")
    return numbers


def _edges(graph: dict[str, Any], nodes: list[str], where: str) -> list[tuple[str, str, int]]:
    """Returns the names of both ends, and the type."""
    written: list[int] = []
    edges = []
    for link in expect.items(graph.get("links"), f"{where}.links"):
        link = expect.mapping(link, f"{where}.links")
        kind = _kind(link.get("type"), written)
        source, target = (expect.integer(link.get(end), f"{where}, links") for end in _ENDS)
        if kind and 0 <= source < len(nodes) and 0 <= target < len(nodes):
            edges.append((nodes[source], nodes[target], kind))
    return edges


def _kind(value: Any, written: list[int]) -> int:
    """Returns a link's type; 0 if unknown. `written` are the types that came before."""
    try:
        if "py/reduce" in value:
            written.append(int(value["py/reduce"][1]["py/tuple"][0]))
            return written[-1]
        number = int(value["py/id"])
    except (KeyError, TypeError, ValueError, IndexError):
        return 0
    return written[number - 1] if 1 <= number <= len(written) else number
