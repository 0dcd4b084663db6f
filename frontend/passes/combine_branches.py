"""Recognise how a group ends: the weighted sum of its branches, and the soft connection to the next group.

Arithmetic over branch outputs is read as linear forms `sum_k c_k y_k`. A form over all K branches is `m`;
where every branch also has `x_k = own_k * y_k + share_k * m`, that is a soft connection. Each becomes one
`combine` node, which reads every branch once.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from frontend.nodes import (
    COMBINE,
    PACKED_CONV2D,
    constant_array,
    is_constant,
    make_constant,
    make_node,
    node_name,
    operator_name,
)
from frontend.rewriter import FunctionRewriter, rewrite, variables_of

_Form = dict[Any, float]


@dataclass
class _Combination:
    """A sum `m` over branches, and the branches' new inputs: x_k -> (y_k, own_k, share_k)."""

    form: _Form
    inputs: dict[Any, tuple[Any, float, float]] = field(default_factory=dict)
    mixed: bool = True


class _Reader:
    """Finds the combinations of a function without changing it."""

    def __init__(self, bindings: list[Any], returned: list[Any]) -> None:
        self._producer = {binding.var: binding.value for binding in bindings}
        self._readers: dict[Any, list[Any]] = defaultdict(list)
        for binding in bindings:
            for variable in variables_of(binding.value):
                self._readers[variable].append(binding.var)
        self._returned = set(returned)
        self._forms: dict[Any, _Form] = {}
        for binding in bindings:
            form = self._form(binding.var)
            if form:
                self._forms[binding.var] = form

    def find(self) -> dict[Any, _Combination]:
        """The combinations by the variable of their `m`."""
        found: dict[Any, _Combination] = {}
        for variable in self._producer:
            for m, y, own, share in self._connections(variable):
                combination = found.setdefault(m, _Combination(self._forms[m]))
                combination.inputs[variable] = (y, own, share)
        found = {m: c for m, c in found.items() if self._is_whole(c)}
        for m, combination in found.items():
            combination.mixed = self._is_read_elsewhere(m, set(combination.inputs))
        for variable, form in self._forms.items():
            ends_here = not any(self._continues(reader) for reader in self._readers[variable])
            if len(form) > 1 and ends_here and not self._is_input(variable, found):
                found.setdefault(variable, _Combination(form))
        return found

    def _continues(self, reader: Any) -> bool:
        """Whether `reader` has a form made of those it reads; a convolution, with its skip, begins anew."""
        return reader in self._forms and node_name(self._producer[reader]) != PACKED_CONV2D

    def _form(self, variable: Any) -> _Form:
        value = self._producer[variable]
        if node_name(value) == PACKED_CONV2D:
            return {variable: 1.0}
        operands = self._product(variable)
        if operands:
            return {leaf: weight * operands[1] for leaf, weight in self._forms.get(operands[0], {}).items()}
        if operator_name(value) == "relax.add":
            left, right = (self._forms.get(argument, {}) for argument in value.args)
            if left and right and not set(left) & set(right):
                return left | right
        return {}

    def _product(self, variable: Any) -> tuple[Any, float] | None:
        """(factor, constant) where `variable` is a tensor times one number."""
        value: Any = self._producer.get(variable)
        if operator_name(value) != "relax.multiply":
            return None
        left, right = value.args
        if is_constant(left):
            left, right = right, left
        if not is_constant(right) or constant_array(right).size != 1:
            return None
        return left, float(constant_array(right).reshape(()))

    def _connections(self, variable: Any) -> Iterator[tuple[Any, Any, float, float]]:
        """(m, y, own, share) where `variable` is `own * y + share * m` and y is a term of m."""
        value = self._producer[variable]
        if operator_name(value) != "relax.add":
            return
        for left, right in (tuple(value.args), tuple(reversed(list(value.args)))):
            share = self._product(right)
            own = self._forms.get(left, {})
            if share and len(own) == 1:
                ((y, factor),) = own.items()
                form = self._forms.get(share[0], {})
                if len(form) > 1 and y in form:
                    yield share[0], y, factor, share[1]
                    return

    def _is_whole(self, combination: _Combination) -> bool:
        """Whether every branch has its connection, and one only."""
        branches = [y for y, _, _ in combination.inputs.values()]
        return len(branches) == len(combination.form) and set(branches) == set(combination.form)

    def _is_read_elsewhere(self, m: Any, inputs: set[Any]) -> bool:
        shares = [reader for reader in self._readers[m] if self._product(reader)]
        if len(shares) != len(self._readers[m]) or m in self._returned:
            return True
        return any(reader not in inputs for share in shares for reader in self._readers[share])

    def _is_input(self, variable: Any, found: dict[Any, _Combination]) -> bool:
        """Whether `variable` is a part of a combination that was found already."""
        return any(
            variable in c.inputs or variable == m or self._feeds(variable, m) for m, c in found.items()
        )

    def _feeds(self, variable: Any, m: Any) -> bool:
        product = self._product(variable)
        return product is not None and product[0] == m


class _BranchCombiner(FunctionRewriter):
    def begin(self, old_parameters: Any, new_parameters: Any) -> None:
        super().begin(old_parameters, new_parameters)
        self._found = _Reader(self.bindings, self.returned).find()
        self._inputs: dict[Any, Any] = {}

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if variable in self._inputs:
            return self._inputs[variable]
        combination = self._found.get(variable)
        if combination is None:
            return None
        self.fired += 1
        branches = list(combination.form)
        by_branch = {y: (x, own, share) for x, (y, own, share) in combination.inputs.items()}
        ones = (None, 1.0, 0.0)
        vectors = [
            [by_branch.get(y, ones)[1] for y in branches],
            list(combination.form.values()),
            [by_branch.get(y, ones)[2] for y in branches],
        ]
        coefficients = [make_constant(np.array(vector, np.float32)) for vector in vectors]
        results = [branches[0].ty] * (combination.mixed + len(by_branch))
        leaves = [self.substitute(y) for y in branches]
        node = make_node(
            COMBINE,
            [*leaves, *coefficients],
            {"mixed": combination.mixed, "floats": True, "packed": False},
            *results,
        )
        items = self.emit_items(node)
        for y, item in zip(branches, items[combination.mixed :], strict=False):
            self._inputs[by_branch[y][0]] = item
        return items[0]  # where `m` is not kept nobody reads it


def combine_branches(module: Any) -> tuple[Any, int]:
    """Recognise sums over branches and soft connections; fired = number of `combine` nodes made.

    Before: `m = (y0 + y1) * 0.5; x0 = y0 * s + m * t; x1 = y1 * s + m * t`.
    After: `x0, x1 = combine(y0, y1, own=[s, s], weight=[0.5, 0.5], share=[t, t])`.
    """
    return rewrite(module, _BranchCombiner())
