"""Joins skeletons with the same keypoints by name, in any order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from simplebase.errors import DataError, listed
from simplebase.skeletons import Link, Skeleton
from simplebase.skeletons.matching import match_keypoints
from simplebase.skeletons.skeleton import Pair


@dataclass
class JointSkeleton:
    """A skeleton to which others are joined, one after another.

    Keypoints are in the order of the first skeleton, followed by those that only later ones have.
    Flip pairs and links of all are kept. If two have the same link, the earlier colour is used.

    Args:
        source: name of the first skeleton's dataset in messages.
        skeleton: the first skeleton, then the joint one.
        notes: keypoints with two spellings.
    """

    source: str
    skeleton: Skeleton
    notes: list[str] = field(default_factory=list)

    def join(self, source: str, other: Skeleton, *, union: bool) -> list[str]:
        """Joins another skeleton.

        Args:
            source: name of its dataset in messages.
            other: the skeleton.
            union: keep keypoints that only some have. Otherwise all must have the same keypoints.

        Returns:
            `K` names of its keypoints in the joint skeleton.

        Raises:
            DataError: its keypoints differ and `union` is off, they have no names to match by, or
                its flip pairs contradict earlier ones.
        """
        mine = self.skeleton
        match = match_keypoints(mine, other)
        names = list(other.keypoints)
        for name, place in zip(mine.keypoints, match.places, strict=True):
            if place is not None:
                names[place] = name
        found = {place for place in match.places if place is not None}
        added = [name for place, name in enumerate(names) if place not in found]
        if match.by_order or not set(added).isdisjoint(mine.keypoints):
            raise DataError(
                f"the keypoints of {self.source} and {source} cannot be matched, because one "
                "dataset has numbers instead of names. Write the names into its classes.txt."
            )
        lacking = [
            name for name, place in zip(mine.keypoints, match.places, strict=True) if place is None
        ]
        if (added or lacking) and not union:
            differences = [
                f"only {dataset} has {listed(only)}"
                for dataset, only in ((self.source, lacking), (source, added))
                if only
            ]
            raise DataError(
                f"{source} has other keypoints than {self.source}: {'; '.join(differences)}. "
                "--union keeps all of them, not labelled where a dataset lacks them."
            )
        self.notes += [
            f"{theirs} of {source} is {name}"
            for theirs, name in zip(other.keypoints, names, strict=True)
            if theirs != name
        ]
        new_name = dict(zip(other.keypoints, names, strict=True))
        self.skeleton = Skeleton(
            mine.name,
            (*mine.keypoints, *added),
            self._pairs(
                source,
                "left and right",
                mine.horizontal_pairs,
                [(new_name[a], new_name[b]) for a, b in other.horizontal_pairs],
            ),
            self._pairs(
                source,
                "top and bottom",
                mine.vertical_pairs,
                [(new_name[a], new_name[b]) for a, b in other.vertical_pairs],
            ),
            _links(
                mine.links,
                [
                    Link(new_name[each.start], new_name[each.end], each.colour)
                    for each in other.links
                ],
            ),
        )
        return names

    def _pairs(
        self, source: str, flip: str, pairs: Sequence[Pair], others: Iterable[Pair]
    ) -> tuple[Pair, ...]:
        """Returns the pairs of both; DataError if a keypoint would be in two pairs."""
        partner = {first: second for pair in pairs for first, second in (pair, pair[::-1])}
        joint = list(pairs)
        for pair in others:
            for first, second in (pair, pair[::-1]):
                if partner.get(first, second) != second:
                    raise DataError(
                        f"{source} swaps {first} with {second} in a flip of {flip}, but an earlier "
                        f"dataset swaps it with {partner[first]}. Correct the wrong "
                        "match_point.txt."
                    )
            if pair[0] not in partner:
                joint.append(pair)
                partner.update((pair, pair[::-1]))
        return tuple(joint)


def _links(links: Sequence[Link], others: Iterable[Link]) -> tuple[Link, ...]:
    """Returns the links of both, each once."""
    joint = {frozenset((link.start, link.end)): link for link in others}
    own = {frozenset((link.start, link.end)) for link in links}
    return (*links, *(link for ends, link in joint.items() if ends not in own))
