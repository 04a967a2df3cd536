"""The frames of a group: which are coded in which order, and refer to which."""

from dataclasses import dataclass

GOOD = 4  # in a chain of P frames, every so many refer to each other and are of a better level


@dataclass(frozen=True, kw_only=True)
class Step:
    """One frame of a group in the order of coding."""

    number: int  # in the order of display
    references: tuple[int, ...] = ()
    layer: int = 0  # 0 key, 1 frames that refer to the past, then B frames
    highest: bool = False


def hierarchical(count: int, distance: int) -> list[Step]:
    """A key frame, P frames every `distance`, and B frames between them, in halves.

    key 0 ─ P 8 ─ P 16 …; B 4 of 0 and 8; B 2 of 0 and 4, B 6 of 4 and 8; B 1, 3, 5, 7: the highest layer, to which nothing refers
    """
    steps, anchors = [Step(number=0)], [0]
    while anchors[-1] < count - 1:
        number = min(anchors[-1] + distance, count - 1)
        steps.append(Step(number=number, references=tuple(anchors[-1:-3:-1]), layer=1))
        steps += _between(anchors[-1], number, 2)
        anchors.append(number)
    return [_marked(step, steps) for step in steps]


def _between(first: int, last: int, layer: int) -> list[Step]:
    if last - first < 2:
        return []
    middle = (first + last) // 2
    step = Step(number=middle, references=(first, last), layer=layer)
    return [step, *_between(first, middle, layer + 1), *_between(middle, last, layer + 1)]


def _marked(step: Step, steps: list[Step]) -> Step:
    unused = step.layer > 1 and not any(step.number in other.references for other in steps)
    return Step(number=step.number, references=step.references, layer=step.layer, highest=unused)


def chain(count: int) -> list[Step]:
    """A key frame, then P frames that refer to the frame before and to the last good one: no frame waits for a later one."""
    steps = [Step(number=0)]
    for number in range(1, count):
        good = (number - 1) // GOOD * GOOD
        references = (number - 1, good) if good != number - 1 else (number - 1, good - GOOD)[: 2 if good else 1]
        steps.append(Step(number=number, references=references, layer=1 if number % GOOD == 0 else 2))
    return steps
