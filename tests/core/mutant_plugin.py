"""A pytest plugin: the tests run on the native library that `LAMINA_MUTANT` names, and do not look for the smallest failure."""

import os
from pathlib import Path

from hypothesis import Phase, settings

from evm.native import library

library.LIBRARY_PATH = Path(os.environ["LAMINA_MUTANT"])
settings.register_profile("mutant", phases=(Phase.explicit, Phase.generate), database=None)
settings.load_profile("mutant")
