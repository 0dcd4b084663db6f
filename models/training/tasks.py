"""Which task a network's description asks for."""

from collections.abc import Sequence

from models.detection.config import DetectionConfig
from models.metadata import Preprocessing
from models.task_config import NetworkConfig
from models.training.classification import Classification
from models.training.detection import Detection
from models.training.recipe import Recipe
from models.training.segmentation import Segmentation
from models.training.task import Feed, Task

_MANY_CLASSES = 100  # from which on top-5 says something


def make_task(
    config: NetworkConfig, feed: Feed, classes: Sequence[str], preprocessing: Preprocessing, recipe: Recipe
) -> Task:
    """The task of `config` on the batches of `feed`.

    Args:
        config: The network.
        feed: Batches whose targets are those of the task.
        classes: Names of the classes.
        preprocessing: How the images became inputs.
        recipe: Says how targets are smoothed.

    """
    if isinstance(config, DetectionConfig):
        return Detection(config, feed, classes, preprocessing)
    smoothing = recipe.label_smoothing
    if config.task == "segmentation":
        return Segmentation(feed, classes, preprocessing, label_smoothing=smoothing)
    top = (1, 5) if len(classes) >= _MANY_CLASSES else (1,)
    return Classification(feed, classes, preprocessing, top=top, label_smoothing=smoothing)
