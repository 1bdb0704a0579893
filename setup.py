"""The one part of the build that pyproject.toml cannot say: optional extensions.

Without a C compiler the install succeeds all the same, and what they do is done by
what is written in Python.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

# Symbols for debuggers take a sixth of a compiler's time and of the wheel; who gives
# flags of their own says so.
symbols = [] if os.environ.get("CFLAGS") else ["-g0"]

extensions = cythonize(
    [
        Extension(
            f"dateline.{folder}.{name}",
            [f"{folder}/{name}.pyx"],
            include_dirs=[folder],
            depends=["predict/_kernels.h"] if name == "_scan" else [],
            # Contracted sums would round otherwise than the definition's.
            extra_compile_args=["-O3", "-ffp-contract=off", *symbols],
        )
        for folder, name in (
            ("predict", "_scan"),
            ("train", "_svm"),
            ("train", "_texts"),
        )
    ],
    build_dir="build",
)
for extension in extensions:
    extension.optional = True  # which cythonize does not hand on

# Side by side: each takes a compiler some half a minute.
setup(ext_modules=extensions, options={"build_ext": {"parallel": True}})
