"""Rebuild a straight-line Relax function binding by binding.

What `torch.export` gives is one dataflow block: a list of bindings without control flow. So a graph pass here
is a rule that looks at one call and answers with its replacement, or with None for "not mine". The rewriter
does the rest: it keeps the map from old variables to new expressions, counts uses, and drops what is no
longer needed.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import tvm
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import is_constant


class FunctionRewriter:
    """One pass over one function; subclasses override `rewrite_call` and count changes in `fired`."""

    def __init__(self) -> None:
        self.fired = 0
        self.builder = relax.BlockBuilder()
        self._replacement: dict[Any, Any] = {}
        self._producer: dict[Any, Any] = {}
        self._uses: Counter[Any] = Counter()
        self._readers: Counter[Any] = Counter()

    # -- what rules may ask ----------------------------------------------------------------------------------

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002  (the hook's signature)
        """Answer the replacement of `call` (arguments already rewritten), or None to keep it."""
        return None

    def rewrite_parameter(self, parameter: Any) -> Any:
        """The new function's parameter for an old one; what the body reads may differ (see `bind`)."""
        return parameter

    def more_parameters(self) -> list[Any]:
        """Parameters that the new function has behind the old one's."""
        return []

    def finish(self, result: Any) -> Any:
        """Answer what the new function returns, given the rewritten result expression."""
        return result

    def producer(self, expr: Any) -> Any:
        """The expression that a variable of the new function is bound to; None for anything else."""
        return self._producer.get(expr)

    def uses(self, variable: Any) -> int:
        """How often a variable of the old function is read."""
        return self._uses[variable]

    def readers(self, variable: Any) -> int:
        """How often a variable of the new function will be read by rewritten old bindings."""
        return self._readers[variable]

    def emit(self, expr: Any) -> Any:
        """Bind `expr` to a fresh variable of the new function."""
        variable = self.builder.emit(expr)
        self._producer[variable] = expr
        return variable

    def emit_items(self, expr: Any) -> list[Any]:
        """Bind `expr`; answer its results, one variable each, whether it gives a tensor or a tuple."""
        made = self.emit(expr)
        if not isinstance(made.ty, relax.TupleType):
            return [made]
        return [self.emit(relax.TupleGetItem(made, index)) for index in range(len(made.ty.fields))]

    def tuple_of(self, items: list[Any]) -> Any:
        """A tuple of variables, which readers of its items will look through."""
        return self.emit(relax.Tuple(items))

    def bind(self, variable: Any, expr: Any) -> None:
        """Let readers of the old `variable` read `expr` from now on."""
        self._replacement[variable] = expr
        if isinstance(expr, relax.Var):
            self._readers[expr] += self._uses[variable]

    # -- the machinery ---------------------------------------------------------------------------------------

    def run(self, function: Any, name: str) -> Any:
        """Rewrite `function` and return the new one under `name`; dead bindings are still in it."""
        bindings = straight_line(function)
        self.bindings = bindings
        self.returned = variables_of(function.body.body)
        for binding in bindings:
            self._uses.update(variables_of(binding.value))
        self._uses.update(self.returned)
        parameters = [self.rewrite_parameter(parameter) for parameter in function.params]
        parameters += self.more_parameters()
        with self.builder.function(name, parameters, attrs=dict(function.attrs or {})):
            with self.builder.dataflow():
                self.begin(function.params, parameters)
                for binding in bindings:
                    self._rewrite_binding(binding)
                result = self.builder.emit_output(self.finish(self.substitute(function.body.body)))
            self.builder.emit_func_output(result)
        return self.builder.get()[name]

    def begin(self, old_parameters: Sequence[Any], new_parameters: Sequence[Any]) -> None:
        """Hook before the first binding; by default readers of an old parameter read the new one."""
        for old, new in zip(old_parameters, new_parameters, strict=False):
            self.bind(old, new)

    def substitute(self, expr: Any) -> Any:
        """`expr` of the old function with its variables replaced."""
        if isinstance(expr, relax.Var):
            return self._replacement.get(expr, expr)
        if isinstance(expr, relax.Tuple):
            return relax.Tuple([self.substitute(field) for field in expr.fields])
        if isinstance(expr, relax.TupleGetItem):
            return relax.TupleGetItem(self.substitute(expr.tuple_value), expr.index)
        if isinstance(expr, relax.Call):
            arguments = [self.substitute(argument) for argument in expr.args]
            return relax.Call(expr.op, arguments, expr.attrs, expr.ty_args)
        return expr

    def _rewrite_binding(self, binding: Any) -> None:
        value = self.substitute(binding.value)
        if isinstance(value, relax.TupleGetItem):
            replacement = self.rewrite_tuple_item(binding.var, value)
        elif isinstance(value, relax.Call):
            replacement = self.rewrite_call(binding.var, value)
        elif isinstance(value, relax.Var) or is_constant(value):
            replacement = value
        else:
            replacement = None
        if replacement is None:
            replacement = self.emit(value)
        elif not isinstance(replacement, relax.Var) and not is_constant(replacement):
            replacement = self.emit(replacement)
        self.bind(binding.var, replacement)

    def rewrite_tuple_item(self, variable: Any, item: Any) -> Any | None:  # noqa: ARG002
        """Answer the replacement of `tuple[index]`; by default a known tuple is looked through."""
        made = self.producer(item.tuple_value)
        return made.fields[item.index] if isinstance(made, relax.Tuple) else None


def straight_line(function: Any) -> list[Any]:
    """The bindings of a function without control flow.

    Raises:
        UnsupportedModelError: the function holds control flow or a shape that is known only at run time.
    """
    bindings = []
    for block in function.body.blocks:
        for binding in block.bindings:
            if not isinstance(binding, relax.VarBinding) or isinstance(binding.value, relax.If):
                raise UnsupportedModelError(
                    "expected a model without control flow and with static shapes; got data-dependent "
                    "control flow or "
                    f"shapes at `{binding.var.name}`; export the model with fixed input sizes"
                )
            bindings.append(binding)
    return bindings


def variables_of(expr: Any) -> list[Any]:
    """The variables that an expression reads, once for each time."""
    if isinstance(expr, relax.Var):
        return [expr]
    if isinstance(expr, relax.Tuple):
        return [variable for field in expr.fields for variable in variables_of(field)]
    if isinstance(expr, relax.TupleGetItem):
        return variables_of(expr.tuple_value)
    if isinstance(expr, relax.Call):
        return [variable for argument in expr.args for variable in variables_of(argument)]
    return []


def rewrite(
    module: Any, rewriter: FunctionRewriter, source: str = "main", name: str = "main"
) -> tuple[Any, int]:
    """Run `rewriter` on `source`, store the result as `name`, remove dead code; answer `fired` too."""
    function = rewriter.run(module[source], name)
    functions = {variable: old for variable, old in module.functions_items() if variable.name_hint != name}
    known = {variable.name_hint: variable for variable, _ in module.functions_items()}
    functions[known.get(name) or tvm.ir.GlobalVar(name)] = function
    return remove_dead_code(tvm.IRModule(functions, attrs=module.attrs)), rewriter.fired


def relax_functions(module: Any) -> list[str]:
    """The names of the module's Relax functions."""
    return [
        str(variable.name_hint) for variable, f in module.functions_items() if isinstance(f, relax.Function)
    ]


def remove_dead_code(module: Any) -> Any:
    """Remove bindings and kernels that nobody reads; Relax functions stay."""
    return relax.transform.DeadCodeElimination(relax_functions(module))(module)
