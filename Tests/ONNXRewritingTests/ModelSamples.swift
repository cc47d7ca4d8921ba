import ONNXModel
import ONNXRewriting
import ONNXSamples

/// Models with weights, and what a rewritten one holds.
enum Sample {
    /// Weights with a different range in every column, by a fixed sequence.
    static func weights(_ rows: Int, _ columns: Int) -> [Float] {
        var state: UInt32 = 12345
        return (0..<rows * columns).map { index in
            state = state &* 1_664_525 &+ 1_013_904_223
            return (Float(state >> 8) / Float(1 << 23) - 1) * Float(1 + index % columns)
        }
    }

    static func raw(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
    }

    static func tensor(_ name: String, _ axes: [Int64], _ values: [Float]) -> WireBuilder {
        axes.reduce(ONNX.empty) { $0.integer(1, $1) }.integer(2, 1).text(8, name).bytes(9, raw(values))
    }

    static func node(
        _ type: String, _ inputs: [String], _ outputs: [String], attributes: [WireBuilder] = []
    ) -> WireBuilder {
        let ends = outputs.reduce(inputs.reduce(ONNX.empty) { $0.text(1, $1) }) { $0.text(2, $1) }
        return attributes.reduce(ends.text(3, "\(type)/\(outputs[0])").text(4, type)) { $0.message(5, $1) }
    }

    static func attribute(_ name: String, integer: Int64) -> WireBuilder {
        ONNX.empty.text(1, name).integer(3, integer).integer(20, 2)
    }

    static func attribute(_ name: String, float: Float) -> WireBuilder {
        ONNX.empty.text(1, name).raw([0x15] + raw([float])).integer(20, 1)
    }

    static func value(_ name: String) -> WireBuilder {
        ONNX.value(name, type: ONNX.tensorType(1, shape: nil))
    }

    /// A graph with inputs `x` and outputs `y` around nodes and initializers.
    static func graph(_ parts: [(UInt64, WireBuilder)]) -> WireBuilder {
        parts.reduce(ONNX.empty) { $0.message($1.0, $1.1) }
            .text(2, "graph").message(11, value("x")).message(12, value("y"))
    }

    static func model(_ graph: WireBuilder, opset: Int64 = 17, irVersion: Int64 = 8) -> [UInt8] {
        (ONNX.empty.integer(1, irVersion).text(2, "tests").message(7, graph)
            .message(8, ONNX.empty.text(1, "").integer(2, opset))).bytes
    }

    /// y = x · w with w of 16 rows and 32 columns.
    static let product = graph([
        (1, node("MatMul", ["x", "w"], ["y"])), (5, tensor("w", [16, 32], weights(16, 32))),
    ])

    static func rewrite(
        _ bytes: [UInt8], _ precision: Precision, files: [String: [UInt8]] = [:]
    ) throws -> ModelRewrite {
        try ModelRewrite(reading: BytesSource(bytes), precision: precision) { files[$0].map { BytesSource($0) } }
    }

    static func rewritten(
        _ bytes: [UInt8], _ precision: Precision, files: [String: [UInt8]] = [:]
    ) throws -> [UInt8] {
        let rewrite = try rewrite(bytes, precision, files: files)
        var result: [UInt8] = []
        try rewrite.write { result += $0 }
        return result
    }
}

/// A model read field by field, for tests to look into.
struct OpenedModel {
    struct Node {
        var type = ""
        var name = ""
        var inputs: [String] = []
        var outputs: [String] = []
    }

    struct Tensor {
        var dimensions: [Int64] = []
        var type: Int64 = 0
        var data: [UInt8] = []
        var isExternal = false
    }

    var nodes: [Node] = []
    var tensors: [String: Tensor] = [:]
    private var wire: WireReader

    init(_ bytes: [UInt8]) throws {
        wire = WireReader(BytesSource(bytes))
        for model in try fields(of: wire.root) where model.number == 7 {
            for field in try fields(of: model.message) {
                switch field.number {
                case 1: nodes.append(try node(field.message))
                case 5:
                    let (name, tensor) = try tensor(field.message)
                    tensors[name] = tensor
                default: break
                }
            }
        }
    }

    /// The int8 values of a tensor.
    func integers(_ name: String) -> [Int8] { (tensors[name]?.data ?? []).map { Int8(bitPattern: $0) } }

    /// The float32 values of a tensor.
    func floats(_ name: String) -> [Float] {
        let data = tensors[name]?.data ?? []
        return stride(from: 0, to: data.count, by: 4).map { start in
            Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(data[start + $1]) << (8 * $1) })
        }
    }

    private mutating func fields(of message: WireMessage) throws -> [WireField] {
        var rest = message
        var fields: [WireField] = []
        while let field = try wire.next(&rest) { fields.append(field) }
        return fields
    }

    private mutating func text(_ field: WireField) throws -> String {
        String(decoding: try wire.bytes(of: field.message, limit: .max), as: UTF8.self)
    }

    private mutating func node(_ message: WireMessage) throws -> Node {
        var node = Node()
        for field in try fields(of: message) {
            switch field.number {
            case 1: node.inputs.append(try text(field))
            case 2: node.outputs.append(try text(field))
            case 3: node.name = try text(field)
            case 4: node.type = try text(field)
            default: break
            }
        }
        return node
    }

    private mutating func tensor(_ message: WireMessage) throws -> (String, Tensor) {
        var name = ""
        var tensor = Tensor()
        for field in try fields(of: message) {
            switch field.number {
            case 1: tensor.dimensions.append(try field.integer)
            case 2: tensor.type = try field.integer
            case 8: name = try text(field)
            case 9: tensor.data = try wire.bytes(of: field.message, limit: .max)
            case 13, 14: tensor.isExternal = true
            default: break
            }
        }
        return (name, tensor)
    }
}
