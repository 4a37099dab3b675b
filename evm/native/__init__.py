"""The native library: what `core/` compiles to for this processor, called through ctypes.

Doors: `evm.native.library` (load it, or learn that it is not there) and `evm.native.primitives` (hashes, signatures, arithmetic).
Everything here is optional: where the library could not be built, py-evm executes alone.
"""
