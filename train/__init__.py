"""How a model is made and judged.

``dateline.train.fit`` needs scikit-learn, ``dateline.train.evaluate`` numpy alone;
import what you need from its module, so that judging does not pay for training.
"""
