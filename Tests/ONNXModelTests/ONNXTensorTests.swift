import ONNXModel
import Testing

@Suite struct `Tensor file` {
    private static func varint(_ value: UInt64) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
    }
    private static func number(_ field: UInt64, _ value: Int) -> [UInt8] {
        varint(field << 3) + varint(UInt64(bitPattern: Int64(value)))
    }
    private static func bytes(_ field: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        varint(field << 3 | 2) + varint(UInt64(bytes.count)) + bytes
    }

    private func read(_ bytes: [UInt8], bytesMax: Int = 1 << 16) throws -> ONNXTensor {
        try ONNXTensor(BytesSource(bytes), bytesMax: bytesMax)
    }

    @Test func `raw data is taken as it stands`() throws {
        let tensor = try read(
            Self.bytes(1, [2, 1]) + Self.number(2, 10) + Self.bytes(8, Array("x".utf8))
                + Self.bytes(9, [0, 0x3C, 0, 0x40]))
        #expect(tensor.name == "x" && tensor.elementType == 10 && tensor.shape == [2, 1])
        #expect(tensor.content == .bytes([0, 0x3C, 0, 0x40]))
    }

    @Test func `typed numbers, packed or not, become their bytes`() throws {
        let packed = try read(Self.number(1, 2) + Self.number(2, 1) + Self.bytes(4, [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]))
        let single = try read(
            Self.number(1, 2) + Self.number(2, 1) + [0x25, 0, 0, 0x80, 0x3F] + [0x25, 0, 0, 0, 0x40])
        #expect(packed.content == .bytes([0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]))
        #expect(single == packed)
        let small = try read(Self.number(1, 2) + Self.number(2, 3) + Self.number(5, -1) + Self.number(5, 7))
        #expect(small.content == .bytes([0xFF, 7]))
        let large = try read(Self.number(1, 1) + Self.number(2, 7) + Self.bytes(7, Self.varint(UInt64.max)))
        #expect(large.content == .bytes([UInt8](repeating: 0xFF, count: 8)))
    }

    @Test func `a tensor without axes is one element, and one with a zero none`() throws {
        #expect(try read(Self.number(2, 9) + Self.number(5, 1)).content == .bytes([1]))
        #expect(try read(Self.bytes(1, [0, 5]) + Self.number(2, 1)).content == .bytes([]))
    }

    @Test func `strings are read in order`() throws {
        let tensor = try read(
            Self.number(1, 2) + Self.number(2, 8) + Self.bytes(6, Array("b".utf8)) + Self.bytes(6, Array("ä".utf8)))
        #expect(tensor.content == .strings(["b", "ä"]))
    }

    @Test(
        arguments: [
            [0xFF], number(1, -1) + number(2, 1), number(1, 2) + number(2, 1) + bytes(9, [0, 0, 0, 0]),
            number(1, 1) + number(2, 3) + number(5, 300), number(2, 14) + bytes(9, [0]), number(2, 1),
            number(2, 8) + bytes(6, [0xC3, 0x28]), number(2, 8) + bytes(6, [0x61, 0]),
            number(2, 8) + bytes(6, [1]) + bytes(6, [1]),
            number(2, 1) + bytes(13, bytes(1, [1])), number(2, 1) + number(14, 1),
            number(1, Int.max) + number(1, 2) + number(2, 1),
            (0..<65).flatMap { _ in number(1, 1) } + number(2, 3) + number(5, 1),
            number(2, 7) + bytes(9, [1]) + number(7, 1),
            number(1, 2) + number(2, 1) + bytes(10, [1, 2, 3, 4, 5, 6, 7, 8]),
            number(2, 1) + bytes(4, [1, 2, 3, 4]) + bytes(9, [5, 6, 7, 8]), number(2, 7) + number(11, 1),
            number(2, 1) + bytes(9, []) + bytes(4, [1, 2, 3, 4]), number(2, 2) + number(7, 1),
            number(2, 1) + bytes(9, [1, 2, 3, 4]) + bytes(3, []),
            number(2, 0) + bytes(9, [1]), number(2, 1 << 40) + bytes(9, [1]), [],
        ] as [[UInt8]])
    func `what is no whole tensor is refused`(bytes: [UInt8]) {
        #expect(throws: ONNXModelError.self) { try read(bytes) }
    }

    @Test func `data above the limit is refused before it is taken`() throws {
        let tensor = Self.number(1, 100) + Self.number(2, 2) + Self.bytes(9, [UInt8](repeating: 1, count: 100))
        #expect(try read(tensor, bytesMax: 108).shape == [100])
        #expect(throws: ONNXModelError.limitExceeded("a tensor is larger than can be read")) {
            try read(tensor, bytesMax: 107)
        }
    }

    @Test func `a tensor cut at any place is refused`() throws {
        let tensor = Self.number(1, 3) + Self.number(2, 6) + Self.bytes(9, [UInt8](repeating: 1, count: 12))
        for length in tensor.indices {
            #expect(throws: ONNXModelError.self) { try read(Array(tensor.prefix(length))) }
        }
    }
}
