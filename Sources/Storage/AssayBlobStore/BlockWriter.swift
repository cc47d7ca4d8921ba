import AssayDomain
import CFileSystem
import NIOCore

/// Writes the blocks of an upload one behind the other, large ones past the page cache.
///
/// A large upload through the page cache makes dirty pages faster than the disk takes them, and then every writer of
/// the machine waits; written directly, the last flush finds nothing left to do. What is smaller than a block, and the
/// rest behind the last whole page, goes through the page cache.
final class BlockWriter {
    /// The size of a direct write: large enough that the disk, not the calls, sets the pace.
    static let blockBytes = 4 << 20
    /// Direct writes begin and end at multiples of this.
    private static let pageBytes = 4096

    private let file: OpenFile
    private var offset: Int64
    /// Bytes that wait for the block to be full; nil while writes go through the page cache.
    private var block: UnsafeMutableRawBufferPointer?
    private var blockFill = 0

    /// Goes on at the end of a file of `size` bytes.
    init(file: OpenFile, size: Int64) {
        self.file = file
        offset = size
    }

    deinit { block?.deallocate() }

    /// Takes buffers; after the last ones of a body, everything is written. Blocks the thread.
    func write(_ buffers: [ByteBuffer], isLast: Bool) throws(AssayError) {
        if !isLast, block == nil { beginDirect() }
        for buffer in buffers {
            let result = buffer.withUnsafeReadableBytes { bytes in
                Result { () throws(AssayError) in try write(bytes) }
            }
            try result.get()
        }
        if isLast { try finish() }
    }

    private func beginDirect() {
        guard offset.isMultiple(of: Int64(Self.pageBytes)), assay_set_direct(file.descriptor, 1) == 0 else { return }
        block = .allocate(byteCount: Self.blockBytes, alignment: Self.pageBytes)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(AssayError) {
        guard let block else {
            try file.write(bytes, at: offset)
            offset += Int64(bytes.count)
            return
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(block.count - blockFill)
            UnsafeMutableRawBufferPointer(rebasing: block[blockFill...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
            blockFill += part.count
            rest = rest.dropFirst(part.count)
            if blockFill == block.count { try writeBlock(count: blockFill) }
        }
    }

    private func finish() throws(AssayError) {
        guard block != nil else { return }
        let pages = blockFill - blockFill % Self.pageBytes
        let tail = blockFill - pages
        if pages > 0 { try writeBlock(count: pages) }
        try SystemCall.check("fcntl") { assay_set_direct(file.descriptor, 0) }
        blockFill = tail
        if tail > 0 { try writeBlock(count: tail) }
        block?.deallocate()
        block = nil
    }

    /// Writes the front of the block and moves what is behind it to the front.
    private func writeBlock(count: Int) throws(AssayError) {
        guard let block else { return }
        try file.write(UnsafeRawBufferPointer(rebasing: block[..<count]), at: offset)
        offset += Int64(count)
        let rest = UnsafeRawBufferPointer(rebasing: block[count..<max(count, blockFill)])
        block.copyMemory(from: rest)
        blockFill = rest.count
    }
}
