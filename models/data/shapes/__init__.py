"""Makes scenes of shapes or handwritten digits before photographs, written as VOC, COCO or ImageNet."""
