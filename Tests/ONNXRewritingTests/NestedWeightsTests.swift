import ONNXModel
import ONNXRewriting
import ONNXSamples
import Testing

/// Weights that stand elsewhere than among the outermost graph's initializers, and tables.
struct NestedWeightsTests {
    private let values = Sample.weights(16, 32)

    private func constant(_ name: String) -> WireBuilder {
        Sample.node(
            "Constant", [], [name],
            attributes: [ONNX.empty.text(1, "value").message(5, Sample.tensor("", [16, 32], values)).integer(20, 4)])
    }

    private func branch(_ parts: [(UInt64, WireBuilder)], output: String) -> WireBuilder {
        parts.reduce(ONNX.empty) { $0.message($1.0, $1.1) }.text(2, "branch").message(12, Sample.value(output))
    }

    private func condition(_ branch: WireBuilder) -> WireBuilder {
        Sample.node(
            "If", ["c"], ["y"], attributes: [ONNX.empty.text(1, "then_branch").message(6, branch).integer(20, 5)])
    }

    @Test(arguments: Precision.allCases)
    func `what a Constant node gives is a weight`(precision: Precision) throws {
        let graph = Sample.graph([(1, constant("w")), (1, Sample.node("MatMul", ["x", "w"], ["y"]))])
        let bytes = Sample.model(graph)
        #expect(try ONNXSummary(reading: BytesSource(bytes)).parameterCount == 512)
        let opened = try OpenedModel(try Sample.rewritten(bytes, precision))
        let expected = try OpenedModel(try Sample.rewritten(Sample.model(Sample.product), precision))
        #expect(opened.nodes.map(\.type) == expected.nodes.map(\.type))
        #expect(opened.tensors.mapValues(\.data) == expected.tensors.mapValues(\.data))
    }

    @Test(arguments: Precision.allCases)
    func `weights within a subgraph are rewritten there`(precision: Precision) throws {
        let product = Sample.node("MatMul", ["x", "w"], ["z"])
        let forms: [[(UInt64, WireBuilder)]] = [
            [(5, Sample.tensor("w", [16, 32], values)), (1, product)], [(1, constant("w")), (1, product)],
        ]
        for parts in forms {
            let bytes = Sample.model(Sample.graph([(1, condition(branch(parts, output: "z")))]))
            let rewrite = try Sample.rewrite(bytes, precision)
            #expect(rewrite.report.tensorCount == 1 && rewrite.report.bytesBefore == 2048)
            let result = try Sample.rewritten(bytes, precision)
            #expect(result.count < bytes.count - 800)
            let summary = try ONNXSummary(reading: BytesSource(result))
            #expect(summary.parameterCount == (precision == .float16 ? 512 : 544))
            #expect(try OpenedModel(result).nodes.map(\.type) == ["If"])
            let inner =
                precision == .float16 ? "Cast" : precision == .int8Weights ? "DequantizeLinear" : "MatMulInteger"
            #expect(summary.operators.contains { $0.name == inner })
        }
    }

    @Test func `a name of a subgraph's own is not the outer weight`() throws {
        let inner = branch(
            [(5, Sample.tensor("w", [2], [1, 2])), (1, Sample.node("Add", ["w", "w"], ["z"]))], output: "z")
        let graph = Sample.graph([
            (1, Sample.node("MatMul", ["x", "w"], ["h"])), (1, condition(inner)),
            (5, Sample.tensor("w", [16, 32], values)),
        ])
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), .int8Dynamic))
        #expect(opened.tensors["w"] == nil && opened.tensors["assay_int8/w"] != nil)
    }

    @Test func `a subgraph without weights stays byte for byte`() throws {
        let inner = branch([(1, Sample.node("Relu", ["h"], ["z"]))], output: "z").text(4000, "unknown")
        let node = condition(inner)
        let bytes = Sample.model(Sample.product.message(1, node))
        let result = try Sample.rewritten(bytes, .float16)
        #expect(result.firstRange(of: node.bytes) != nil)
    }

    @Test(arguments: Precision.allCases)
    func `unpacked values are read as packed ones`(precision: Precision) throws {
        let head = ONNX.empty.integer(1, 16).integer(1, 32).integer(2, 1).text(8, "w")
        let single = values.reduce(head) { $0.raw([0x25] + Sample.raw([$1])) }
        // A packed part, values one by one, and a tag in more bytes than it needs.
        let mixed = values[101...].reduce(
            head.bytes(4, Sample.raw(Array(values[..<100]))).raw([0xA5, 0x00] + Sample.raw([values[100]]))
        ) { $0.raw([0x25] + Sample.raw([$1])) }
        let expected = try OpenedModel(try Sample.rewritten(Sample.model(Sample.product), precision))
        for tensor in [single, mixed] {
            let graph = Sample.graph([(1, Sample.node("MatMul", ["x", "w"], ["y"])), (5, tensor)])
            let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), precision))
            #expect(opened.tensors.mapValues(\.data) == expected.tensors.mapValues(\.data))
        }
    }

    @Test(
        arguments: [
            (.int8Weights, nil), (.int8Dynamic, nil), (.int8Dynamic, 1), (.int8Weights, -1),
        ] as [(Precision, Int64?)])
    func `a table is gathered from as integers`(precision: Precision, axis: Int64?) throws {
        let attributes = axis.map { [Sample.attribute("axis", integer: $0)] } ?? []
        let graph = Sample.graph([
            (1, Sample.node("Gather", ["w", "i"], ["y"], attributes: attributes)),
            (5, Sample.tensor("w", [16, 32], values)),
        ])
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), precision))
        #expect(opened.nodes.map(\.type) == ["Gather", "Cast", "Gather", "Mul"])
        #expect(opened.nodes[0].inputs == ["assay_int8/w", "i"] && opened.nodes[2].inputs == ["assay_scale/w", "i"])
        #expect(opened.nodes[3].outputs == ["y"])
        let (integers, scales) = (opened.integers("assay_int8/w"), opened.floats("assay_scale/w"))
        #expect(opened.tensors["assay_scale/w"]?.dimensions == (axis == nil ? [16, 1] : [1, 32]))
        for (index, value) in values.enumerated() {
            let scale = scales[axis == nil ? index / 32 : index % 32]
            #expect(abs(Float(integers[index]) * scale - value) <= scale * 0.5001)
        }
    }

    @Test func `a table that is used otherwise as well stays for int8-dynamic`() throws {
        let others = [
            [Sample.node("Transpose", ["w"], ["t"])], [Sample.node("MatMul", ["x", "w"], ["t"])],
            [Sample.node("Gather", ["w", "i"], ["t"], attributes: [Sample.attribute("axis", integer: 1)])],
            [condition(branch([(1, Sample.node("Relu", ["w"], ["z"]))], output: "z"))],
        ]
        for nodes in others {
            let graph = Sample.graph(
                ([Sample.node("Gather", ["w", "i"], ["y"])] + nodes).map { (1, $0) }
                    + [(5, Sample.tensor("w", [16, 32], values))])
            #expect(throws: RewriteRefusal.self) { try Sample.rewritten(Sample.model(graph), .int8Dynamic) }
            let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), .int8Weights))
            #expect(opened.nodes[0].type == "DequantizeLinear")
        }
    }
}
