"""The command `bptt-oracle balance`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from oracle.balancing import Balance, Product, balance
from oracle.balancing.factors import in_parentheses, parse_sizes
from oracle.presentation.printable import printable

SHOWN = 12  # products, without --all
NOTHING_BALANCES = 1  # exit status


@click.command("balance")
@click.argument("factors", metavar='"NAME: AXES"...', nargs=-1)
@click.option("--to", required=True, metavar='"AXES"', help="The axes of the wanted result, in order.")
@click.option("--sizes", metavar='"NAME=N ..."', help="Sizes of the names: also shows shapes, and what they hide.")
@click.option("--all", "everything", is_flag=True, help="Also what sums over an axis that one factor alone has.")
def balance_products(factors: tuple[str, ...], to: str, sizes: str | None, everything: bool) -> None:
    """List the products that have the wanted axes.

    Each factor is a name and its axes. What has the same name is the same axis; the names of the result stay, all
    others are summed over. Two axes of the same size that are not the same get marks: hidden(t-1) and hidden(t), or
    hidden and hidden'. Numbers will do for names, and then every way to take them is listed.

    \b
    Examples:
      bptt-oracle balance "x: batch input" "delta: batch hidden" --to "input hidden"
      bptt-oracle balance "delta: batch hidden(t)" "W_hh: hidden(t-1) hidden(t)" --to "batch hidden(t-1)"
      bptt-oracle balance "x: batch input" "delta: batch hidden" --to "input hidden" --sizes "batch=1 input=2 hidden=16"
      bptt-oracle balance "x: 3 4" "delta: 3 6" --to "4 6"

    \b
    Exit status:
      0  a product balances
      1  none does, with the reasons
      2  the command line is wrong
    """
    try:
        found = balance(*factors, to=to, sizes=None if sizes is None else parse_sizes(sizes))
    except ValueError as error:
        raise click.UsageError(_shown(str(error))) from None
    click.echo(_shown("\n".join(lines(found, everything))))
    raise click.exceptions.Exit(0 if found.products else NOTHING_BALANCES)


def _shown(text: str) -> str:
    """Text with the user's own names in it, such as the terminal can print."""
    return printable(text, getattr(sys.stdout, "encoding", None) or "utf-8")


def lines(found: Balance, everything: bool = False) -> Iterator[str]:
    """All there is to say, line by line."""
    if found.sizes is not None:
        yield from _table(found)
    shown = found.products if everything else found.products[:SHOWN]
    width = max((len(product.expression) for product in shown), default=0)
    for product in shown:
        yield from _product(product, width)
    if len(found.products) > len(shown):
        yield f"and {len(found.products) - len(shown)} more, with --all"
    if not found.products:
        yield "nothing balances:"
        yield from (f"    {reason}" for reason in found.why_not)
    yield from _doubts(found)
    yield from _others(found, everything)
    if not found.complete:
        yield ""
        yield "there are more products than were looked at: give the axes names, each its own"
    yield from _silent(found)


def _table(found: Balance) -> Iterator[str]:
    """The factors and the result by name and in numbers."""
    rows = [(factor.name, factor.axes) for factor in found.factors] + [("wanted", found.result)]
    name = max(len(row[0]) for row in rows)
    axes = max(len(in_parentheses(row[1])) for row in rows)
    for label, each in rows:
        yield f"{label:{name}}  {in_parentheses(each):{axes}}  {found.shape(each)}"
    yield ""


def _product(product: Product, width: int) -> Iterator[str]:
    yield f"{product.expression:{width}}    {product.sums}"
    if product.picture:
        yield f"    {product.picture}"
    yield from (f"    or {other}" for other in product.expressions[1:])
    yield f"    {product.einsum}"


def _doubts(found: Balance) -> Iterator[str]:
    """What the text leaves open, where it leaves something open."""
    if len(found.products) < 2:
        return
    count = len(found.products)
    numbers = [base for base in found.doubtful if base.isdecimal()]
    names = [base for base in found.doubtful if not base.isdecimal()]
    yield ""
    if not names:
        repeated = [base for base in numbers if _often(found, base)]
        yield (
            f"{count} products have these sizes, and only names tell them apart: "
            f"which {' and which '.join(repeated or numbers)} is which? No shape shows a wrong choice."
        )
        return
    yield (
        f"{' and '.join(names)} is repeated without marks, so {count} readings remain, all of the same shapes: "
        "no shape shows a wrong choice. Marks settle it:"
    )
    shown = found.products[:SHOWN]
    width = max(len(product.expression) for product in shown)
    for product in shown:
        factors, to = product.written
        quoted = " ".join(f'"{one}"' for one in factors)
        yield f'    {product.expression:{width}}    {quoted} --to "{to}"'


def _often(found: Balance, base: str) -> bool:
    """Whether an array has the size more than once."""
    arrays = [*(factor.axes for factor in found.factors), found.result]
    return any(sum(axis.base == base for axis in axes) > 1 for axes in arrays)


def _others(found: Balance, everything: bool) -> Iterator[str]:
    """The products that sum over an axis that one factor alone has, where others do not."""
    if not found.others or (found.products and not everything):
        return
    yield ""
    if not everything:
        many = "1 product" if len(found.others) == 1 else f"{len(found.others)} products"
        yield (
            f"{many} would have these axes after sums of a factor over an axis that nothing else has, "
            "which is rarely meant: --all lists what they are"
        )
        return
    yield "with sums over an axis that one factor alone has:"
    shown = found.others[:SHOWN]
    width = max(len(product.expression) for product in shown)
    for product in shown:
        yield from (f"    {line}" for line in _product(product, width))
    if len(found.others) > SHOWN:
        yield f"    and {len(found.others) - SHOWN} more"


def _silent(found: Balance) -> Iterator[str]:
    """What NumPy computes without a word."""
    ones = [name for name, size in (found.sizes or {}).items() if size == 1]
    while_one = f"right only while {', '.join(f'{name}=1' for name in ones)}" if ones else "right only at these sizes"
    exact = [one for one in found.silent if not one.spread]
    spread = [one for one in found.silent if one.spread]
    width = max((len(one.expression) for one in found.silent), default=0)
    if exact:
        yield ""
        yield "NumPy computes these too, in the same shape and without a word, though the names do not fit:"
        for one in exact:
            yield f"    {one.expression:{width}}    {one.clash}{f'; {while_one}' if one.same else ''}"
    if spread:
        yield ""
        yield f"and += would spread these over {in_parentheses(found.result)}:"
        for one in spread:
            yield f"    {one.expression:{width}}    {one.clash}"
