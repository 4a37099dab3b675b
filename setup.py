"""The one step that pyproject.toml cannot state: the native library is compiled into the package, where it can be."""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


def _core() -> ModuleType:
    specification = importlib.util.spec_from_file_location("lamina_core_build", ROOT / "core" / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@cache
def build_library() -> Path | None:
    """The native library, built unless it is newer than its sources; None, with a warning, where it cannot be."""
    core = _core()
    if core.is_current("native"):
        library: Path = core.OUTPUTS["native"].path
        return library
    try:
        path: Path = core.build("native")
    except (core.BuildError, OSError) as error:
        # An older one may not fit the sources that are installed.
        core.OUTPUTS["native"].path.unlink(missing_ok=True)
        print(
            f"warning: the native library is not built, so Lamina will run on py-evm alone: {error}\n"
            f"warning: it can be built later: pip install ziglang=={core.ZIG_VERSION} && python core/build.py native",
            file=sys.stderr,
        )
        return None
    return path


class WithLibrary(Distribution):
    """Makes the wheel one of this platform where it holds the library."""

    def has_ext_modules(self) -> bool:
        return build_library() is not None


class BuildPackages(build_py):
    """Compiles before the packages' files are collected."""

    def run(self) -> None:
        build_library()
        super().run()


class BuildWheel(bdist_wheel):
    """The library is called through ctypes, so one wheel does for every Python."""

    def get_tag(self) -> tuple[str, str, str]:
        python, abi, platform = super().get_tag()
        return (python, abi, platform) if self.root_is_pure else ("py3", "none", platform)


setup(distclass=WithLibrary, cmdclass={"build_py": BuildPackages, "bdist_wheel": BuildWheel})
