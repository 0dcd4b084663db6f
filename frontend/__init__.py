"""From a trained model to a compiled Relax module: import, recognise, rewrite, lower, build."""
