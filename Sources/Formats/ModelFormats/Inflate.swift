import ONNXModel

/// Unpacks the first bytes of a deflate stream. Source: RFC 1951.
struct Inflate {
    /// What came out, and whether that is all.
    struct Output {
        let bytes: [UInt8]
        let isWhole: Bool
        /// Where the stream ends, if it is whole.
        var end = 0
    }

    /// The stream is none.
    struct Malformed: Error {}

    /// The codes of one alphabet, canonical: how many there are of each length, and their symbols in order.
    private struct Codes {
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [Int] = []

        init(lengths: ArraySlice<Int>) throws(Malformed) {
            for length in lengths { counts[length] += 1 }
            counts[0] = 0
            var left = 1
            for length in 1...15 {
                left = left * 2 - counts[length]
                guard left >= 0 else { throw Malformed() }
            }
            var places = [Int](repeating: 0, count: 17)
            for length in 1...15 { places[length + 1] = places[length] + counts[length] }
            symbols = [Int](repeating: 0, count: places[16])
            for (symbol, length) in lengths.enumerated() where length > 0 {
                symbols[places[length]] = symbol
                places[length] += 1
            }
        }
    }

    private var window: ByteWindow
    private var bits: UInt32 = 0
    private var bitCount = 0
    private var output: [UInt8] = []
    private let limit: Int

    private init(_ part: SourcePart, at position: Int, limit: Int) {
        window = ByteWindow(part, at: position)
        self.limit = limit
    }

    /// Throws `Malformed`, and what the source throws. A stream that ends early gives what came before.
    static func unpack(_ part: SourcePart, at position: Int = 0, limit: Int) throws -> Output {
        var inflate = Inflate(part, at: position, limit: try part.budget.unpacking(limit))
        defer { part.budget.spendUnpacked(max(1, inflate.output.count)) }
        do {
            let isWhole = try inflate.run()
            return Output(
                bytes: inflate.output, isWhole: isWhole && !inflate.isFull, end: inflate.window.position)
        } catch is ByteWindow.Ended {
            return Output(bytes: inflate.output, isWhole: false)
        }
    }

    private var isFull: Bool { output.count >= limit }

    private mutating func run() throws -> Bool {
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try stored()
            case 1: try block(Self.fixedLiterals(), Self.fixedDistances())
            case 2: try dynamic()
            default: throw Malformed()
            }
            if isFull { return isLast }
        }
        return true
    }

    private mutating func take(_ count: Int) throws -> Int {
        while bitCount < count {
            bits |= UInt32(try window.byte()) << UInt32(bitCount)
            bitCount += 8
        }
        let value = bits & (1 << UInt32(count) - 1)
        bits >>= UInt32(count)
        bitCount -= count
        return Int(value)
    }

    private mutating func stored() throws {
        (bits, bitCount) = (0, 0)
        let length = try window.number(2)
        guard try window.number(2) == length ^ 0xFFFF else { throw Malformed() }
        for _ in 0..<length {
            guard !isFull else { return }
            output.append(try window.byte())
        }
    }

    private mutating func symbol(_ codes: Codes) throws -> Int {
        var (code, first, index) = (0, 0, 0)
        for length in 1...15 {
            code |= try take(1)
            let count = codes.counts[length]
            if code - count < first { return codes.symbols[index + code - first] }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        throw Malformed()
    }

    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577,
    ]

    private mutating func block(_ literals: Codes, _ distances: Codes) throws {
        while !isFull {
            let symbol = try symbol(literals)
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            if symbol == 256 { return }
            let place = symbol - 257
            guard Self.lengthBases.indices.contains(place) else { throw Malformed() }
            let length = Self.lengthBases[place] + (try take(Self.lengthBits[place]))
            let code = try self.symbol(distances)
            guard Self.distanceBases.indices.contains(code) else { throw Malformed() }
            let distance = Self.distanceBases[code] + (try take(max(0, code / 2 - 1)))
            guard distance <= output.count else { throw Malformed() }
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }

    private mutating func dynamic() throws {
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        let literalCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let codeCount = try take(4) + 4
        guard literalCount <= 286, distanceCount <= 30 else { throw Malformed() }
        var codeLengths = [Int](repeating: 0, count: 19)
        for place in order.prefix(codeCount) { codeLengths[place] = try take(3) }
        let codes = try Codes(lengths: codeLengths[...])
        var lengths: [Int] = []
        while lengths.count < literalCount + distanceCount {
            let symbol = try symbol(codes)
            switch symbol {
            case 0...15: lengths.append(symbol)
            case 16:
                guard let last = lengths.last else { throw Malformed() }
                lengths += [Int](repeating: last, count: try take(2) + 3)
            case 17: lengths += [Int](repeating: 0, count: try take(3) + 3)
            default: lengths += [Int](repeating: 0, count: try take(7) + 11)
            }
        }
        guard lengths.count == literalCount + distanceCount else { throw Malformed() }
        try block(try Codes(lengths: lengths[..<literalCount]), try Codes(lengths: lengths[literalCount...]))
    }

    private static func fixedLiterals() throws(Malformed) -> Codes {
        let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
        return try Codes(lengths: lengths[...])
    }

    private static func fixedDistances() throws(Malformed) -> Codes {
        try Codes(lengths: [Int](repeating: 5, count: 30)[...])
    }
}
