"""What is done to a sample between decoding and the network: one module a task, all in uint8 NumPy.

A transform for training is a pure function of the sample and a NumPy generator. Networks read what
`normalise` makes of the result.
"""
