"""The one part of the build that pyproject.toml cannot say: an optional extension.

Without a C compiler the install succeeds all the same, and the scan is the one that
is written in Python.
"""

from Cython.Build import cythonize
from setuptools import Extension, setup

extensions = cythonize(
    [
        Extension(
            "dateline.predict._scan",
            ["predict/_scan.pyx"],
            include_dirs=["predict"],
            depends=["predict/_kernels.h"],
            # Contracted sums would round otherwise than the definition's.
            extra_compile_args=["-O3", "-ffp-contract=off"],
        )
    ],
    build_dir="build",
)
for extension in extensions:
    extension.optional = True  # which cythonize does not hand on

setup(ext_modules=extensions)
