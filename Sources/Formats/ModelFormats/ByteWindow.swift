import ONNXModel

/// Counts what is read of one file, however many parts of it are looked at.
final class ReadBudget {
    private var bytesLeft = ScanLimit.readBytes
    private var opcodesLeft = ScanLimit.opcodes
    private var unpackedLeft = ScanLimit.allUnpackedBytes

    func spend(_ count: Int) throws(NotInspected) {
        guard count <= bytesLeft else { throw .tooMuch }
        bytesLeft -= count
    }

    /// How many of so many bytes may still be unpacked, one at least; what comes out is to be spent.
    func unpacking(_ wanted: Int) throws(NotInspected) -> Int {
        guard unpackedLeft > 0 else {
            throw NotInspected("over \(ScanLimit.allUnpackedBytes >> 20) MiB would have to be unpacked")
        }
        return min(wanted, unpackedLeft)
    }

    func spendUnpacked(_ count: Int) { unpackedLeft = max(0, unpackedLeft - count) }

    /// Whether one more opcode may be looked at.
    func takesOpcode() -> Bool {
        guard opcodesLeft > 0 else { return false }
        opcodesLeft -= 1
        return true
    }
}

/// Keeps what was read last, so that small things beside each other are one read.
private final class ReadAhead {
    private static let blockBytes = 8_192

    let source: any RandomAccessSource
    private var block: [UInt8] = []
    private var start = 0

    init(_ source: any RandomAccessSource) { self.source = source }

    func bytes(at position: Int, count: Int) throws -> [UInt8] {
        guard count <= Self.blockBytes else { return try fetch(position, count) }
        if position < start || position + count > start + block.count {
            block = try fetch(position, min(Self.blockBytes, source.byteCount - position))
            start = position
        }
        return Array(block[position - start..<position - start + count])
    }

    private func fetch(_ position: Int, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try source.read(into: $0, at: position) }
        return bytes
    }
}

/// A part of a source, as a source.
struct SourcePart {
    private let source: ReadAhead
    private let start: Int
    let byteCount: Int
    let budget: ReadBudget
    /// Whether bytes follow that are not seen.
    var isCut = false

    init(_ source: any RandomAccessSource, budget: ReadBudget) {
        self.source = ReadAhead(source)
        start = 0
        byteCount = source.byteCount
        self.budget = budget
    }

    private init(_ source: ReadAhead, start: Int, byteCount: Int, budget: ReadBudget) {
        self.source = source
        self.start = start
        self.byteCount = byteCount
        self.budget = budget
    }

    /// Nil unless the range lies within it.
    func part(_ start: Int, count: Int) -> SourcePart? {
        guard start >= 0, count >= 0, start <= byteCount, count <= byteCount - start else { return nil }
        return SourcePart(source, start: self.start + start, byteCount: count, budget: budget)
    }

    /// The bytes from a place on, `count` of them or as many as there are.
    func bytes(_ position: Int, count: Int) throws -> [UInt8] {
        guard position >= 0, position < byteCount, count > 0 else { return [] }
        let count = min(count, byteCount - position)
        try budget.spend(count)
        return try source.bytes(at: start + position, count: count)
    }
}

/// Reads forward, a small piece at a time that grows.
struct ByteWindow {
    private static let firstBytes = 512
    private static let mostBytes = 65_536

    /// There are no more bytes.
    struct Ended: Error {}

    private let part: SourcePart
    private(set) var position: Int
    private var window: [UInt8] = []
    private var windowStart = 0
    private var size = firstBytes

    init(_ part: SourcePart, at position: Int = 0) {
        self.part = part
        self.position = position
    }

    var bytesLeft: Int { part.byteCount - position }

    mutating func byte() throws -> UInt8 {
        guard position < part.byteCount else { throw Ended() }
        if position < windowStart || position >= windowStart + window.count {
            window = try part.bytes(position, count: size)
            windowStart = position
            size = min(size * 8, Self.mostBytes)
        }
        let byte = window[position - windowStart]
        position += 1
        return byte
    }

    mutating func bytes(_ count: Int) throws -> [UInt8] {
        guard count <= bytesLeft else { throw Ended() }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for _ in 0..<count { bytes.append(try byte()) }
        return bytes
    }

    /// An unsigned number of so many bytes, the lowest first.
    mutating func number(_ count: Int) throws -> UInt64 {
        var number: UInt64 = 0
        for place in 0..<count { number |= UInt64(try byte()) << (8 * UInt64(place)) }
        return number
    }

    /// Passes over bytes without reading them.
    mutating func skip(_ count: UInt64) throws {
        guard count <= UInt64(bytesLeft) else { throw Ended() }
        position += Int(count)
    }
}
