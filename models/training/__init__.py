"""Training of any task's network: recipes, the loop, what each task minimises, and named presets."""
