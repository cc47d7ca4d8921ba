/// A sequence of maps with its data, as classifiers of scikit-learn answer it: the content of a file such as
/// `test_data_set_0/output_1.pb`.
///
/// Source: onnx-data.proto, `SequenceProto` and `MapProto`.
package struct ONNXMapSequence: Equatable, Sendable {
    package struct Map: Equatable, Sendable {
        package enum Keys: Equatable, Sendable {
            case integers([Int64])
            case strings([String])

            var count: Int {
                switch self {
                case .integers(let keys): keys.count
                case .strings(let keys): keys.count
                }
            }
        }

        package let keys: Keys
        /// As many as there are keys.
        package let values: [ONNXTensor]
    }

    /// May be empty.
    package let name: String
    package let maps: [Map]
}

extension ONNXMapSequence {
    /// The number of `SequenceProto.DataType` for maps.
    private static let map: Int64 = 4
    private static let nameBytesMax = 1_000

    /// Reads a sequence of at most `bytesMax` bytes of data.
    ///
    /// Throws `ONNXModelError`: a sequence of anything but maps is refused, and maps to anything but tensors.
    package init(_ source: some RandomAccessSource, bytesMax: Int) throws {
        var data = DataReader(source, bytesMax: bytesMax)
        var message = data.wire.root
        var name = ""
        var maps: [Map] = []
        var elementType: Int64 = 0
        while let field = try data.wire.next(&message) {
            switch field.number {
            case 1: name = try data.text(field.message, limit: Self.nameBytesMax)
            case 2: elementType = try field.integer
            case 3, 4, 5, 7: throw ONNXModelError.invalid("a sequence of something else than maps")
            case 6: maps.append(try Map(field.message, from: &data))
            default: break
            }
        }
        guard elementType == Self.map else { throw ONNXModelError.invalid("a sequence of something else than maps") }
        self.name = name
        self.maps = maps
    }
}

extension ONNXMapSequence.Map {
    fileprivate init(_ message: WireMessage, from data: inout DataReader) throws {
        var message = message
        var integers: [Int64] = []
        var strings: [String] = []
        var values: [ONNXTensor] = []
        while let field = try data.wire.next(&message) {
            switch field.number {
            case 3: integers += try data.varints(field).map(Int64.init(bitPattern:))
            case 4: strings.append(try data.text(field.message, limit: data.bytesLeft))
            case 5: values += try Self.tensors(field.message, from: &data)
            default: break
            }
        }
        guard integers.isEmpty || strings.isEmpty else { throw ONNXModelError.invalid("a map has keys of two types") }
        keys = strings.isEmpty ? .integers(integers) : .strings(strings)
        guard values.count == keys.count else {
            throw ONNXModelError.invalid("a map has \(keys.count) keys and \(values.count) values")
        }
        self.values = values
    }

    /// The tensors of a sequence.
    private static func tensors(_ message: WireMessage, from data: inout DataReader) throws -> [ONNXTensor] {
        var message = message
        var tensors: [ONNXTensor] = []
        while let field = try data.wire.next(&message) {
            switch field.number {
            case 3:
                try data.spend(MemoryLayout<ONNXTensor>.stride)
                tensors.append(try ONNXTensor(field.message, from: &data))
            case 4, 5, 6, 7: throw ONNXModelError.invalid("a map to something else than tensors")
            default: break
            }
        }
        return tensors
    }
}
