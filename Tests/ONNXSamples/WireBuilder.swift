/// Writes protobuf messages field by field, valid or not, for the tests of what reads and rewrites models.
package struct WireBuilder {
    package private(set) var bytes: [UInt8] = []

    package static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    package init() {}

    package func integer(_ number: UInt64, _ value: Int64) -> WireBuilder {
        raw(Self.varint(number << 3) + Self.varint(UInt64(bitPattern: value)))
    }

    package func bytes(_ number: UInt64, _ value: [UInt8]) -> WireBuilder {
        raw(Self.varint(number << 3 | 2) + Self.varint(UInt64(value.count)) + value)
    }

    package func text(_ number: UInt64, _ value: String) -> WireBuilder { bytes(number, Array(value.utf8)) }

    package func message(_ number: UInt64, _ value: WireBuilder) -> WireBuilder { bytes(number, value.bytes) }

    package func raw(_ more: [UInt8]) -> WireBuilder {
        var copy = self
        copy.bytes += more
        return copy
    }

    package static func + (left: WireBuilder, right: WireBuilder) -> WireBuilder { left.raw(right.bytes) }
}

/// Parts of ONNX models.
package enum ONNX {
    package static let empty = WireBuilder()

    package static func model(_ graph: WireBuilder, more: WireBuilder = empty) -> [UInt8] {
        let head = empty.integer(1, 8).text(2, "tests").text(3, "1.0").message(7, graph)
        return (head + more).message(8, empty.text(1, "").integer(2, 17)).bytes
    }

    package static func node(_ type: String, domain: String = "", attribute: WireBuilder? = nil) -> WireBuilder {
        var node = empty.text(1, "x").text(2, "y").text(4, type)
        if let attribute { node = node.message(5, attribute) }
        return domain.isEmpty ? node : node.text(7, domain)
    }

    package static func tensor(_ name: String, type: Int64 = 1, axes: [Int64], data: Int = 0) -> WireBuilder {
        axes.reduce(empty) { $0.integer(1, $1) }
            .integer(2, type).text(8, name).bytes(9, [UInt8](repeating: 7, count: data))
    }

    package static func value(_ name: String, type: WireBuilder) -> WireBuilder { empty.text(1, name).message(2, type) }

    package static func tensorType(_ element: Int64, shape: WireBuilder?) -> WireBuilder {
        let type = empty.integer(1, element)
        return empty.message(1, shape.map { type.message(2, $0) } ?? type)
    }

    package static let batch = empty.message(1, empty.text(2, "batch"))
        .message(1, empty.integer(1, 64)).message(1, empty).message(1, empty.integer(1, -1))

    /// A small model with one of everything that the summary shows.
    package static let classifier =
        empty
        .message(1, node("Gemm"))
        .message(1, node("QLinearMatMul"))
        .message(1, node("FusedGemm", domain: "com.example"))
        .message(1, node("If", attribute: empty.text(1, "then_branch").message(6, empty.message(1, node("Gemm")))))
        .text(2, "graph")
        .message(5, tensor("weight", axes: [64, 10], data: 200_000))
        .message(5, tensor("shape", type: 7, axes: [2]))
        .message(11, value("image", type: tensorType(1, shape: batch)))
        .message(11, value("weight", type: tensorType(1, shape: nil)))
        .message(12, value("probabilities", type: tensorType(1, shape: nil)))
        .message(12, value("classes", type: empty.message(4, empty.message(1, empty.message(5, classMap)))))

    private static let classMap = empty.integer(1, 7).message(2, tensorType(1, shape: empty))
}
