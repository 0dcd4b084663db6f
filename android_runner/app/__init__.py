"""The benchmark app: built without Android's SDK, brought to a phone, and its results fetched from there."""
