//! What a stage of the pipeline gives when it is pulled.

/// An item, or: pull again, something was done; or: all data of the current L1 block is used up.
pub fn Pull(comptime T: type) type {
    return union(enum) { item: T, again, dry };
}
