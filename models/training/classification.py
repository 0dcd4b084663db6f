"""Classification as a task: cross-entropy, and top-k on the test images."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from models.data.draw import draw_caption, enlarge
from models.metadata import Preprocessing
from models.scoring.topk import topk
from models.training.inference import outputs_of
from models.training.pictures import denormalised
from models.training.task import Feed, StepTerms, Term

_SHOWN = 8
_SHOWN_WIDTH = 96  # pixels, or more: a caption needs room
_RIGHT, _WRONG = (0, 128, 0), (200, 0, 0)


class Classification:
    """Logits [N, classes] against class numbers [N].

    Args:
        feed: Its batches' targets are int64 [N].
        classes: Names of the classes.
        preprocessing: How the images became inputs.
        top: Which k of top-k `evaluate` gives.
        label_smoothing: Share of each target that is spread over all classes.
    """

    def __init__(
        self,
        feed: Feed,
        classes: Sequence[str],
        preprocessing: Preprocessing,
        *,
        top: Sequence[int] = (1,),
        label_smoothing: float = 0.0,
    ) -> None:
        """Keep what was given."""
        self.feed = feed
        self._classes = tuple(classes)
        self._preprocessing = preprocessing
        self._top = tuple(top)
        self._smoothing = label_smoothing

    def measure(self, outputs: torch.Tensor, targets: torch.Tensor) -> StepTerms:
        """Cross-entropy, and the share of right answers."""
        labels = targets.to(outputs.device)
        total = F.cross_entropy(outputs.float(), labels, reduction="sum", label_smoothing=self._smoothing)
        count = torch.tensor(float(len(labels)), device=outputs.device)
        right = (outputs.argmax(1) == labels).sum()
        return StepTerms({"cross_entropy": Term(total, count)}, {"accuracy": Term(right, count)})

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """`top1` and so on, 0 to 1."""
        results = [
            (logits.numpy(), batch.targets.cpu().numpy())
            for batch, logits in outputs_of(model, self.feed.testing(), device)
        ]
        logits, labels = (np.concatenate(parts) for parts in zip(*results, strict=True))
        return {f"top{k}": topk(logits, labels, k) for k in self._top}

    def pictures(self, model: nn.Module, device: torch.device) -> dict[str, npt.NDArray[np.uint8]]:
        """The first test images by what they are, and below each what it is taken for."""
        batch, logits = next(outputs_of(model, self.feed.testing(), device))
        shown = {}
        for index in range(min(_SHOWN, len(batch.images))):
            truth, guess = int(batch.targets[index]), int(logits[index].argmax())
            image = denormalised(batch.images[index], self._preprocessing)
            large = enlarge(image, max(1, -(-_SHOWN_WIDTH // image.shape[1])))
            colour = _RIGHT if guess == truth else _WRONG
            # The name stays the same from epoch to epoch, so that TensorBoard shows one picture that changes.
            shown[f"{index}: {self._classes[truth]}"] = draw_caption(large, self._classes[guess], colour)
        return shown
