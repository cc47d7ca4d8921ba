import CXXHash
import Glibc

/// The checksums of a blob's chunks, taken while it was written, so that any part of it can be proven when it is read.
///
/// They find what a disk loses or changes. They are no proof against someone who writes to the store: the digest is.
/// Form and place: docs/formats/checksums.md.
struct ChunkChecksums: Sendable, Equatable {
    /// The size of a chunk in bytes; only the last one of a blob may be smaller. A blob of one chunk has no table,
    /// because its digest says the same.
    static let chunkBytes = 64 << 10

    private static let magic: UInt64 = 0x31_4D_55_53_59_41_53_41  // "ASAYSUM1"
    private static let headerWords = 4

    /// The size of the blob in bytes.
    let size: Int64
    /// XXH3 of each chunk.
    let sums: [UInt64]

    /// The checksum of bytes that are in memory.
    static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt64 { assay_xxh3(bytes.baseAddress, bytes.count) }

    /// Whether bytes that begin at a chunk's start are what was written there; they end with a chunk.
    func hold(for bytes: UnsafeRawBufferPointer, at offset: Int64) -> Bool {
        var rest = bytes[...]
        for sum in sums[Int(offset / Int64(Self.chunkBytes))...] {
            if rest.isEmpty { return true }
            let chunk = rest.prefix(Self.chunkBytes)
            guard Self.checksum(of: UnsafeRawBufferPointer(rebasing: chunk)) == sum else { return false }
            rest = rest.dropFirst(chunk.count)
        }
        return rest.isEmpty
    }
}

extension ChunkChecksums {
    static func count(forSize size: Int64) -> Int { Int((size + Int64(chunkBytes) - 1) / Int64(chunkBytes)) }

    /// The size of the table's file, in bytes.
    static func encodedBytes(forSize size: Int64) -> Int { (headerWords + count(forSize: size)) * 8 }

    /// The table as it stands in its file: little-endian words, of which the last of the header proves the others.
    var encoded: [UInt8] {
        let words = [Self.magic, UInt64(Self.chunkBytes), UInt64(size), Self.checksum(ofWords: sums)] + sums
        return words.map(\.littleEndian).withUnsafeBytes { Array($0) }
    }

    /// Nil for a file that is cut, damaged, or of another size of blob or chunk: it then says nothing.
    init?(decoding bytes: [UInt8], size: Int64) {
        guard bytes.count == Self.encodedBytes(forSize: size) else { return nil }
        let words = bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 8).map {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
            }
        }
        let sums = Array(words.dropFirst(Self.headerWords))
        guard
            Array(words.prefix(Self.headerWords))
                == [Self.magic, UInt64(Self.chunkBytes), UInt64(size), Self.checksum(ofWords: sums)]
        else { return nil }
        self.init(size: size, sums: sums)
    }

    private static func checksum(ofWords words: [UInt64]) -> UInt64 {
        words.map(\.littleEndian).withUnsafeBytes { checksum(of: $0) }
    }
}

/// Takes checksums of chunks while a blob's bytes pass.
///
/// `@unchecked Sendable`: no other object holds the state's pointer, and one builder has one user at a time, as the
/// session or the scan that it is part of.
final class ChecksumBuilder: @unchecked Sendable {
    private let state: OpaquePointer  // XXH3_state_t *, owned
    private var chunkFill = 0
    private var size: Int64 = 0
    private var sums: [UInt64] = []

    init() {
        guard let state = XXH3_createState() else { preconditionFailure("memory ran out") }
        self.state = state
        XXH3_64bits_reset(state)
    }

    deinit { XXH3_freeState(state) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(ChunkChecksums.chunkBytes - chunkFill))
            assay_xxh3_update(state, part.baseAddress, part.count)
            chunkFill += part.count
            rest = rest.dropFirst(part.count)
            if chunkFill == ChunkChecksums.chunkBytes { endChunk() }
        }
        size += Int64(bytes.count)
    }

    /// The checksums of everything that passed; nothing can be added afterwards.
    func finish() -> ChunkChecksums {
        if chunkFill > 0 { endChunk() }
        return ChunkChecksums(size: size, sums: sums)
    }

    private func endChunk() {
        sums.append(XXH3_64bits_digest(state))
        XXH3_64bits_reset(state)
        chunkFill = 0
    }
}
