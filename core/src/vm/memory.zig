//! The memory of the fault-proof VM: 2^32 bytes and their Merkle tree. docs/fpvm.md, section 2.
//!
//! The bytes are one reserved range of address space that the system backs where it is touched. Pages that were written since
//! the root was last asked for are listed, and only their part of the tree is hashed again. Tree nodes above the pages are kept,
//! an entry of zeros stands for a subtree of zeros; nodes within a page are computed when a proof asks for them.

const std = @import("std");
const keccak = @import("../crypto/keccak.zig");
const posix = std.posix;

pub const size = 1 << 32;
pub const leaf_size = 32;
pub const depth = 27;
pub const proof_size = leaf_size * (depth + 1);
pub const page_size = 4096;
pub const page_count = size / page_size;

const leaves_per_page = page_size / leaf_size;
const page_depth = std.math.log2(leaves_per_page);
const no_node: [32]u8 = @splat(0);
const allocator = std.heap.smp_allocator;

pub const Error = error{OutOfMemory};

/// What is known of a page. A store may go straight to memory exactly when its page's marks are `plain`.
pub const Marks = packed struct(u8) {
    /// Written at some time; listed in `present`.
    present: bool = false,
    /// Written since the last root; listed in `dirty`.
    dirty: bool = false,
    /// An instruction of it is decoded, so that a write must drop that.
    code: bool = false,
    _: u5 = 0,

    pub const plain: Marks = .{ .present = true, .dirty = true };
};

fn parent(left: *const [32]u8, right: *const [32]u8) [32]u8 {
    var pair: [64]u8 = undefined;
    pair[0..32].* = left.*;
    pair[32..64].* = right.*;
    return keccak.hash(&pair);
}

/// Roots of subtrees of zeros by level.
const zero_nodes: [depth + 1][32]u8 = nodes: {
    @setEvalBranchQuota(10_000_000);
    var nodes: [depth + 1][32]u8 = undefined;
    nodes[0] = @splat(0);
    for (1..depth + 1) |level| nodes[level] = parent(&nodes[level - 1], &nodes[level - 1]);
    break :nodes nodes;
};

/// Zeroed address space that costs memory only where it is touched.
pub fn reserve(comptime T: type, count: usize) Error![]T {
    var flags: posix.MAP = .{ .TYPE = .PRIVATE, .ANONYMOUS = true };
    if (@hasField(posix.MAP, "NORESERVE")) flags.NORESERVE = true;
    const bytes = posix.mmap(null, count * @sizeOf(T), .{ .READ = true, .WRITE = true }, flags, -1, 0) catch return error.OutOfMemory;
    return @as([*]T, @ptrCast(@alignCast(bytes.ptr)))[0..count];
}

pub fn release(comptime T: type, range: []T) void {
    const bytes = std.mem.sliceAsBytes(range);
    posix.munmap(@as([*]align(std.heap.page_size_min) u8, @ptrCast(@alignCast(bytes.ptr)))[0..bytes.len]);
}

pub const Memory = struct {
    bytes: []u8,
    marks: []Marks,
    /// The tree above the leaves' pages: the root at 1, the children of i at 2i and 2i + 1, page p at `page_count` + p.
    nodes: [][32]u8,
    present: std.ArrayList(u32) = .empty,
    dirty: std.ArrayList(u32) = .empty,

    pub fn init() Error!Memory {
        const bytes = try reserve(u8, size);
        errdefer release(u8, bytes);
        const marks = try reserve(Marks, page_count);
        errdefer release(Marks, marks);
        return .{ .bytes = bytes, .marks = marks, .nodes = try reserve([32]u8, 2 * page_count) };
    }

    pub fn deinit(self: *Memory) void {
        release(u8, self.bytes);
        release(Marks, self.marks);
        release([32]u8, self.nodes);
        self.present.deinit(allocator);
        self.dirty.deinit(allocator);
    }

    /// A copy that goes its own way. What is decoded is not part of it.
    pub fn fork(self: *const Memory) Error!Memory {
        var copy = try init();
        errdefer copy.deinit();
        copy.present = try self.present.clone(allocator);
        copy.dirty = try self.dirty.clone(allocator);
        for (self.present.items) |page| {
            const start = @as(usize, page) * page_size;
            @memcpy(copy.bytes[start..][0..page_size], self.bytes[start..][0..page_size]);
            copy.marks[page] = .{ .present = true, .dirty = self.marks[page].dirty };
            var index: usize = page_count + page;
            while (index > 0 and std.mem.eql(u8, &copy.nodes[index], &no_node)) : (index /= 2) copy.nodes[index] = self.nodes[index];
        }
        return copy;
    }

    /// To be called before a page is written. Must not fail in the middle of an instruction: running out of memory for the
    /// lists, a few megabytes at most, ends the process.
    pub fn touch(self: *Memory, page: u32) void {
        const marks = &self.marks[page];
        if (!marks.present) self.present.append(allocator, page) catch @panic("out of memory for the list of pages");
        if (!marks.dirty) self.dirty.append(allocator, page) catch @panic("out of memory for the list of pages");
        marks.present = true;
        marks.dirty = true;
    }

    /// The root, after hashing what has changed.
    pub fn root(self: *Memory) [32]u8 {
        const changed = self.dirty.items;
        if (changed.len > 0) {
            std.mem.sort(u32, changed, {}, std.sort.asc(u32));
            for (changed) |*page| {
                self.marks[page.*].dirty = false;
                self.nodes[page_count + page.*] = self.pageTree(page.*)[1];
                page.* += page_count;
            }
            self.hashParents(changed);
            self.dirty.clearRetainingCapacity();
        }
        return self.node(1, depth);
    }

    /// Hashes upwards from sorted nodes of one level; the list becomes that of their parents, level by level.
    fn hashParents(self: *Memory, list: []u32) void {
        var level: usize = page_depth + 1;
        var children = list;
        while (level <= depth) : (level += 1) {
            var count: usize = 0;
            for (children) |child| {
                const above = child / 2;
                if (count > 0 and children[count - 1] == above) continue;
                const left = self.node(2 * above, level - 1);
                const right = self.node(2 * above + 1, level - 1);
                self.nodes[above] = parent(&left, &right);
                children[count] = above;
                count += 1;
            }
            children = children[0..count];
        }
    }

    fn node(self: *const Memory, index: usize, level: usize) [32]u8 {
        const value = self.nodes[index];
        return if (std.mem.eql(u8, &value, &no_node)) zero_nodes[level] else value;
    }

    /// The tree of one page: root at 1, leaves from `leaves_per_page` on.
    fn pageTree(self: *const Memory, page: u32) [2 * leaves_per_page][32]u8 {
        var tree: [2 * leaves_per_page][32]u8 = undefined;
        const bytes = self.bytes[@as(usize, page) * page_size ..][0..page_size];
        for (0..leaves_per_page) |leaf| tree[leaves_per_page + leaf] = bytes[leaf * leaf_size ..][0..leaf_size].*;
        var index: usize = leaves_per_page - 1;
        while (index > 0) : (index -= 1) tree[index] = parent(&tree[2 * index], &tree[2 * index + 1]);
        return tree;
    }

    /// The proof of the leaf that holds an address, against the present root.
    pub fn proof(self: *Memory, address: u32) [proof_size]u8 {
        _ = self.root();
        var out: [proof_size]u8 = undefined;
        const page = address / page_size;
        const tree = self.pageTree(page);
        var index: usize = leaves_per_page + address % page_size / leaf_size;
        out[0..leaf_size].* = tree[index];
        var position: usize = leaf_size;
        while (index > 1) : (index /= 2) {
            out[position..][0..leaf_size].* = tree[index ^ 1];
            position += leaf_size;
        }
        index = page_count + page;
        while (index > 1) : (index /= 2) {
            out[position..][0..leaf_size].* = self.node(index ^ 1, position / leaf_size - 1);
            position += leaf_size;
        }
        return out;
    }
};
