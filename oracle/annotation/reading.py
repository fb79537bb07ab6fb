"""What the verdicts say together: which parameters agree splits the backward pass.

Going backward, the parameter that is used last comes first. Where all that are used from some line on agree and all
before it do not, the mistake stands between the two. Where a parameter is wrong and another one that is used in the
same lines agrees, the adjoint that both are made of is right, and the mistake is in what is made of it.
"""

from __future__ import annotations

from collections.abc import Collection

from oracle.annotation.truths import CONTRIBUTION, Truths


def reading(truths: Truths, wrong: Collection[str]) -> str:
    """One sentence, empty where nothing certain can be said.

    wrong   the parameters whose gradients are wrong
    """
    lines: dict[str, set[tuple[str, int]]] = {}
    last: dict[str, int] = {}
    for one in truths.every:
        if one.kind == CONTRIBUTION:
            lines.setdefault(one.parameter, set()).add((one.filename, one.line))
            last[one.parameter] = max(last.get(one.parameter, 0), one.order)
    right = [name for name in lines if name not in wrong]
    bad = [name for name in lines if name in wrong]
    if not right or not bad:
        return ""
    beside = [name for name in right if all(lines[name] == lines[other] for other in bad)]
    if beside:
        at = _listed(sorted({str(line) for _, line in lines[beside[0]]}, key=int))
        return (
            f"{_agree(beside)}, and {_is(beside, 'is', 'are')} used in line {at} as {_listed(bad)} "
            f"{_is(bad, 'is', 'are')}: the adjoint is right there, so look at what is made of it for {_listed(bad)}"
        )
    earliest = min(last[name] for name in right)
    if earliest > max(last[name] for name in bad):
        above = sorted({line for name in right for _, line in lines[name]})
        below = sorted({line for name in bad for _, line in lines[name]})
        return (
            f"{_agree(right)}, {_listed(bad)} {_is(bad, 'does', 'do')} not: on the way back the mistake stands between "
            f"the adjoint of line {above[0]} and that of line {below[-1]}"
            if above[0] != below[-1]
            else ""
        )
    return ""


def _agree(names: list[str]) -> str:
    return f"{_listed(names)} {_is(names, 'agrees', 'agree')}"


def _is(names: list[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
