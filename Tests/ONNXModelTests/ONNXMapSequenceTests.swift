import ONNXModel
import Testing

@Suite struct `Sequence file` {
    /// A key of a map.
    private static let key: [UInt8] = [0x18, 7]

    private static func bytes(_ field: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [field << 3 | 2, UInt8(bytes.count)] + bytes
    }

    /// `elem_type`
    private static func type(_ type: UInt8) -> [UInt8] { [0x10, type] }

    /// A tensor of one float without axes.
    private static func tensor(_ value: Float) -> [UInt8] {
        type(1) + bytes(9, withUnsafeBytes(of: value) { Array($0) })
    }

    private static func map(keys: [UInt8], _ values: [Float]) -> [UInt8] {
        bytes(6, keys + bytes(5, type(1) + values.flatMap { bytes(3, tensor($0)) }))
    }

    private func read(_ bytes: [UInt8], bytesMax: Int = 1 << 16) throws -> ONNXMapSequence {
        try ONNXMapSequence(BytesSource(bytes), bytesMax: bytesMax)
    }

    @Test func `keys are numbers, packed or not, or strings`() throws {
        let name = Self.bytes(1, Array("y".utf8))
        let sequence = try read(
            name + Self.type(4) + Self.map(keys: [0x18, 7, 0x18, 9], [1, 2])
                + Self.map(keys: Self.bytes(3, [7, 9]), [3, 4])
                + Self.map(keys: Self.bytes(4, Array("ä".utf8)), [5]) + Self.map(keys: [], []))
        #expect(sequence.name == "y")
        #expect(
            sequence.maps.map(\.keys) == [.integers([7, 9]), .integers([7, 9]), .strings(["ä"]), .integers([])])
        #expect(sequence.maps.map(\.values.count) == [2, 2, 1, 0])
        #expect(sequence.maps[1].values[0].content == .bytes(withUnsafeBytes(of: Float(3)) { Array($0) }))
    }

    @Test(
        arguments: [
            [], type(1), type(4) + bytes(3, tensor(1)), type(3) + bytes(5, []), map(keys: key, [1]),
            type(4) + map(keys: key, []), type(4) + map(keys: [], [1]),
            type(4) + map(keys: key + bytes(4, [0x61]), [1, 2]), type(4) + map(keys: bytes(4, [0xC3]), [1]),
            type(4) + bytes(6, key + bytes(5, type(4) + bytes(6, []))), type(4) + bytes(6, [0x18]),
            type(4) + bytes(6, key + bytes(5, bytes(3, type(1)))),
        ] as [[UInt8]])
    func `what is no sequence of maps to tensors is refused`(bytes: [UInt8]) {
        #expect(throws: ONNXModelError.self) { try read(bytes) }
    }

    @Test func `what is taken is limited`() throws {
        let sequence = Self.type(4) + Self.map(keys: Self.bytes(3, [1, 2, 3, 4]), [1, 2, 3, 4])
        #expect(try read(sequence, bytesMax: 1_000).maps.count == 1)
        for limit in [0, 31, 200] {
            #expect(throws: ONNXModelError.limitExceeded("a tensor is larger than can be read")) {
                try read(sequence, bytesMax: limit)
            }
        }
    }
}
