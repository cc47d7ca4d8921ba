import ONNXModel

/// Counts what is read of one file, however many parts of it are looked at.
final class ReadBudget {
    private var bytesLeft = ScanLimit.readBytes
    private var opcodesLeft = ScanLimit.opcodes

    func spend(_ count: Int) throws(NotInspected) {
        guard count <= bytesLeft else { throw .tooMuch }
        bytesLeft -= count
    }

    /// Whether one more opcode may be looked at.
    func takesOpcode() -> Bool {
        guard opcodesLeft > 0 else { return false }
        opcodesLeft -= 1
        return true
    }
}

/// A part of a source, as a source.
struct SourcePart {
    private let source: any RandomAccessSource
    private let start: Int
    let byteCount: Int
    let budget: ReadBudget
    /// Whether bytes follow that are not seen.
    var isCut = false

    init(_ source: any RandomAccessSource, budget: ReadBudget) {
        self.source = source
        start = 0
        byteCount = source.byteCount
        self.budget = budget
    }

    private init(_ source: any RandomAccessSource, start: Int, byteCount: Int, budget: ReadBudget) {
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
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try source.read(into: $0, at: start + position) }
        return bytes
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
