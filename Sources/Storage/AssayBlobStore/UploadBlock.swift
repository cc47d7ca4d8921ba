import NIOCore
import Synchronization

/// A piece of an upload, gathered in memory that can be written past the page cache.
///
/// `@unchecked Sendable`: it is filled by the task that receives, then only read by those that hash and write it, and
/// filled again after both are done.
final class UploadBlock: @unchecked Sendable {
    /// The size of a full block: large enough that the disk, not the calls, sets the pace.
    static let bytesMax = 1_536 << 10
    /// The size of a block at first: most uploads are small.
    private static let bytesAtFirst = 64 << 10
    /// Direct writes begin and end at multiples of this, in memory and in the file.
    static let pageBytes = 4096

    /// What all full blocks of the store may take together, in bytes. Beyond it blocks stay as small as they begin.
    private static let storeBytesMax = 128 << 20
    private static let storeBytes = Atomic<Int>(0)

    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0
    private let users = Atomic<Int>(0)

    init() { memory = .allocate(byteCount: Self.bytesAtFirst, alignment: Self.pageBytes) }

    deinit {
        if memory.count == Self.bytesMax { Self.storeBytes.subtract(Self.bytesMax, ordering: .relaxed) }
        memory.deallocate()
    }

    /// Whether no more fits.
    var isFull: Bool { count == memory.count }

    /// What was gathered; valid until the block is filled again.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    func clear() { count = 0 }

    /// Says how many will look at the block before it can be filled again.
    func share(with count: Int) { users.store(count, ordering: .releasing) }

    /// Takes one of them away; true for the last.
    func isFreed() -> Bool { users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 }

    /// Moves as many bytes into the block as fit.
    func fill(from buffer: inout ByteBuffer) {
        if count + buffer.readableBytes >= memory.count, memory.count < Self.bytesMax { grow() }
        buffer.readWithUnsafeReadableBytes { source in
            let part = source.prefix(memory.count - count)
            UnsafeMutableRawBufferPointer(rebasing: memory[count...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
            count += part.count
            return part.count
        }
    }

    private func grow() {
        guard Self.storeBytes.add(Self.bytesMax, ordering: .relaxed).newValue <= Self.storeBytesMax else {
            Self.storeBytes.subtract(Self.bytesMax, ordering: .relaxed)
            return
        }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bytesMax, alignment: Self.pageBytes)
        larger.copyMemory(from: bytes)
        memory.deallocate()
        memory = larger
    }
}
