"""The exponential moving average of a network's parameters, which often scores better than the last ones."""

import torch
from torch import nn

State = dict[str, torch.Tensor]


class ParameterAverage:
    """`average = d * average + (1 - d) * parameters` after each step; buffers are those of the last step.

    The first steps use `d = (1 + n) / (10 + n)` while that is lower, so that the start is soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Start at the model's parameters."""
        self._decay = decay
        self._updates = 0
        self._average: State = {
            name: parameter.detach().clone() for name, parameter in model.named_parameters()
        }

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the parameters after a step."""
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        self._updates += 1
        for name, parameter in model.named_parameters():
            self._average[name].lerp_(parameter, 1 - decay)

    def state_of(self, model: nn.Module) -> State:
        """The model's state with the average in place of its parameters."""
        return {**model.state_dict(), **self._average}

    def state_dict(self) -> dict[str, int | State]:
        """What `load_state_dict` needs to go on."""
        return {"updates": self._updates, "average": self._average}

    def load_state_dict(self, state: dict[str, int | State]) -> None:
        """Go on where `state_dict` was taken."""
        updates, average = state["updates"], state["average"]
        assert isinstance(updates, int) and isinstance(average, dict)
        self._updates = updates
        for name, tensor in average.items():
            self._average[name].copy_(tensor)
