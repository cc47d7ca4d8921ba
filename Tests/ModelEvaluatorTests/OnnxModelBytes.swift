/// Writes tiny ONNX models as protobuf, with the field numbers of onnx.proto.
struct OnnxModelBytes {
    /// A declared input or output.
    struct Value {
        let name: String
        let elementType: Int
        /// Nil leaves a dimension open.
        let shape: [Int?]
        var isSequence = false
    }

    var operators: [(type: String, inputs: [String], outputs: [String])] = []
    var inputs: [Value] = []
    var outputs: [Value] = []
    /// Lists of int64 that are part of the graph.
    var constants: [(name: String, values: [Int])] = []

    static let float32 = 1
    static let int64 = 7
    static let string = 8

    /// One operator between one input and one output.
    static func single(_ type: String, _ input: Value, _ output: Value) -> [UInt8] {
        OnnxModelBytes(
            operators: [(type, [input.name], [output.name])], inputs: [input], outputs: [output]
        ).bytes
    }

    var bytes: [UInt8] {
        var graph: [UInt8] = []
        for node in operators {
            graph += Self.field(
                1,
                node.inputs.flatMap { Self.field(1, Array($0.utf8)) }
                    + node.outputs.flatMap { Self.field(2, Array($0.utf8)) } + Self.field(4, Array(node.type.utf8)))
        }
        graph += Self.field(2, Array("g".utf8))
        graph += constants.flatMap { Self.field(5, Self.constant($0.name, $0.values)) }
        graph += inputs.flatMap { Self.field(11, Self.value($0)) }
        graph += outputs.flatMap { Self.field(12, Self.value($0)) }
        return Self.number(1, 8) + Self.field(7, graph) + Self.field(8, Self.number(2, 17))
    }

    private static func value(_ value: Value) -> [UInt8] {
        let dimensions = value.shape.flatMap { field(1, $0.map { number(1, $0) } ?? field(2, Array("n".utf8))) }
        let tensor = number(1, value.elementType) + field(2, dimensions)
        let type = value.isSequence ? field(4, field(1, field(1, tensor))) : field(1, tensor)
        return field(1, Array(value.name.utf8)) + field(2, type)
    }

    private static func constant(_ name: String, _ values: [Int]) -> [UInt8] {
        number(1, values.count) + number(2, int64) + values.flatMap { number(7, $0) } + field(8, Array(name.utf8))
    }

    private static func field(_ field: Int, _ bytes: [UInt8]) -> [UInt8] {
        varint(field << 3 | 2) + varint(bytes.count) + bytes
    }

    private static func number(_ field: Int, _ value: Int) -> [UInt8] {
        varint(field << 3) + varint(value)
    }

    private static func varint(_ value: Int) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
    }
}
