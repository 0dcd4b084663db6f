"""Binary parallel atrous convolution: a dilation of its own for each base of the last stages."""

FIRST_RATE = 2


def parallel_rates(stages: int, dilated: int, bases: int) -> tuple[tuple[int, ...], ...]:
    """`GroupNetConfig.rates` that give each base of the last `dilated` stages a rate of its own.

    Rates rise by one from base to base, and a stage begins with the last rate of the stage before. With five
    bases and two stages these are the official code's 2 to 6 and 6 to 10 (CVPR 2019); other numbers of bases
    are our extension of the same rule.
    """
    starts = [FIRST_RATE + index * (bases - 1) for index in range(dilated)]
    return ((1,),) * (stages - dilated) + tuple(tuple(range(start, start + bases)) for start in starts)


def is_parallel(rates: tuple[tuple[int, ...], ...], bases: int) -> bool:
    """Whether `rates` are `parallel_rates` of several bases, so that other bases have others."""
    dilated = sum(stage != (1,) for stage in rates)
    return bases > 1 and dilated > 0 and rates == parallel_rates(len(rates), dilated, bases)
