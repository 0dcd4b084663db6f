"""Which score of a task comes first, and what scores are called for people."""

MAIN_SCORE = {"classification": "top1", "segmentation": "miou", "detection": "ap"}
"""By task: the key in the scores of a bundle and in the metrics of a checkpoint."""

SCORE_TITLES = {
    "top1": "top-1",
    "top3": "top-3",
    "top5": "top-5",
    "miou": "mIoU",
    "pixel_accuracy": "of the pixels",
    "ap": "AP",
    "voc_map": "VOC mAP",
}
