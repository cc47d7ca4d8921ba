import ONNXModel
import ONNXRewriting
import ONNXSamples
import Testing

struct ModelRewriteTests {
    @Test func `float16 weights are cast back under their own name`() throws {
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(Sample.product), .float16))
        #expect(opened.nodes.map(\.type) == ["Cast", "MatMul"])
        #expect(opened.nodes[0].inputs == ["assay_float16/w"] && opened.nodes[0].outputs == ["w"])
        #expect(opened.nodes[1].inputs == ["x", "w"])
        let stored = try #require(opened.tensors["assay_float16/w"])
        #expect(stored.type == 10 && stored.dimensions == [16, 32] && opened.tensors["w"] == nil)
        let expected = Sample.weights(16, 32).flatMap { value in
            [UInt8(truncatingIfNeeded: Float16(value).bitPattern), UInt8(Float16(value).bitPattern >> 8)]
        }
        #expect(stored.data == expected)
    }

    @Test(
        arguments: [
            (1.0, 0x3C00), (-2.0, 0xC000), (65504.0, 0x7BFF), (0x1p-24, 0x0001), (0x1p-26, 0x0000),
            // Halfway between two values, the even one; just above, the next one.
            (1.0 + 0x1p-11, 0x3C00), (1.0 + 0x3p-11, 0x3C02), (1.0 + 0x1p-11 + 0x1p-20, 0x3C01), (-0.0, 0x8000),
        ] as [(Float, UInt16)])
    func `float16 is rounded to the nearest, ties to even`(value: Float, bits: UInt16) throws {
        let graph = Sample.graph([
            (1, Sample.node("Add", ["x", "w"], ["y"])),
            (5, Sample.tensor("w", [256], [Float](repeating: value, count: 256))),
        ])
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), .float16))
        let data = try #require(opened.tensors["assay_float16/w"]?.data)
        #expect(UInt16(data[0]) | UInt16(data[1]) << 8 == bits && data.count == 512)
    }

    @Test(arguments: [65520, -70000, .infinity, .nan] as [Float])
    func `a tensor with a value that float16 does not hold stays`(value: Float) throws {
        var values = Sample.weights(16, 32)
        values[511] = value
        let graph = Sample.graph([
            (1, Sample.node("MatMul", ["x", "v"], ["h"])), (1, Sample.node("MatMul", ["h", "w"], ["y"])),
            (5, Sample.tensor("v", [32, 16], Sample.weights(32, 16))), (5, Sample.tensor("w", [16, 32], values)),
        ])
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), .float16))
        #expect(opened.tensors["w"]?.data == Sample.raw(values))
        #expect(opened.tensors["assay_float16/v"] != nil)
    }

    @Test(
        arguments: [
            ("MatMul", [16, 32], nil, 1), ("Gemm", [16, 32], nil, 1), ("Gemm", [32, 16], 1, 0),
            ("Conv", [32, 4, 2, 2], nil, 0),
        ] as [(String, [Int64], Int64?, Int)])
    func `int8 weights have one scale per output channel`(
        type: String, axes: [Int64], transB: Int64?, channelAxis: Int
    ) throws {
        let values = Sample.weights(16, 32)
        let attributes = transB.map { [Sample.attribute("transB", integer: $0)] } ?? []
        let graph = Sample.graph([
            (1, Sample.node(type, ["x", "w"], ["y"], attributes: attributes)), (5, Sample.tensor("w", axes, values)),
        ])
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), .int8Weights))
        #expect(opened.nodes.map(\.type) == ["DequantizeLinear", type])
        #expect(opened.nodes[0].inputs == ["assay_int8/w", "assay_scale/w"] && opened.nodes[0].outputs == ["w"])
        let scales = opened.floats("assay_scale/w")
        #expect(scales.count == Int(axes[channelAxis]))
        let run = axes[(channelAxis + 1)...].reduce(1) { $0 * Int($1) }
        let integers = opened.integers("assay_int8/w")
        #expect(integers.count == 512 && integers.contains { abs($0) == 127 } && integers.min() ?? 0 >= -127)
        for (index, value) in values.enumerated() {
            let scale = scales[index / run % scales.count]
            #expect(abs(Float(integers[index]) * scale - value) <= scale * 0.5001)
        }
    }

    @Test func `products compute in integers and keep their outputs`() throws {
        let graph = Sample.graph([
            (1, Sample.node("MatMul", ["x", "q"], ["a"])), (1, Sample.node("MatMul", ["x", "k"], ["b"])),
            (1, Sample.node("Add", ["a", "b"], ["y"])),
            (5, Sample.tensor("q", [16, 32], Sample.weights(16, 32))),
            (5, Sample.tensor("k", [16, 32], Sample.weights(16, 32))),
        ])
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), .int8Dynamic))
        let product = ["MatMulInteger", "Cast", "Mul", "Mul"]
        #expect(opened.nodes.map(\.type) == ["DynamicQuantizeLinear"] + product + product + ["Add"])
        #expect(opened.nodes[4].outputs == ["a"] && opened.nodes[8].outputs == ["b"])
        #expect(opened.nodes[1].inputs == ["assay_uint8/x", "assay_int8/q", "assay_zero/x"])
        let integers = opened.integers("assay_int8/q")
        #expect(integers.map { abs(Int($0)) }.max() == 64)
        #expect(Set(opened.nodes.map(\.name)).count == opened.nodes.count)
    }

    @Test func `a Gemm's transposed weights, factor and bias are taken over`() throws {
        let values = Sample.weights(16, 32)
        let graph = Sample.graph([
            (
                1,
                Sample.node(
                    "Gemm", ["x", "w", "c"], ["y"],
                    attributes: [Sample.attribute("transB", integer: 1), Sample.attribute("alpha", float: 0.5)])
            ),
            (5, Sample.tensor("w", [16, 32], values)), (5, Sample.tensor("c", [16], Array(values.prefix(16)))),
        ])
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), .int8Dynamic))
        #expect(opened.nodes.map(\.type) == ["DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul", "Add"])
        #expect(opened.nodes[5].inputs == [opened.nodes[4].outputs[0], "c"] && opened.nodes[5].outputs == ["y"])
        let (integers, scales) = (opened.integers("assay_int8/w"), opened.floats("assay_scale/w"))
        #expect(opened.tensors["assay_int8/w"]?.dimensions == [32, 16] && scales.count == 16)
        for row in 0..<16 {
            for column in 0..<32 {
                let value = Float(integers[column * 16 + row]) * scales[row]
                #expect(abs(value - 0.5 * values[row * 32 + column]) <= scales[row] * 0.5001)
            }
        }
    }

    @Test(arguments: [
        [Sample.attribute("transA", integer: 1)], [Sample.attribute("beta", float: 2)],
        [Sample.attribute("alpha", float: .nan)], [Sample.attribute("alpha", float: 0)],
    ])
    func `a Gemm that cannot compute in integers is left alone`(attributes: [WireBuilder]) throws {
        let graph = Sample.graph([
            (1, Sample.node("Gemm", ["x", "w", "c"], ["y"], attributes: attributes)),
            (5, Sample.tensor("w", [16, 32], Sample.weights(16, 32))), (5, Sample.tensor("c", [1], [1])),
        ])
        #expect(throws: RewriteRefusal.self) { try Sample.rewritten(Sample.model(graph), .int8Dynamic) }
    }

    @Test func `what a subgraph uses keeps its name, and is not taken from it`() throws {
        let branch = ONNX.empty.message(1, Sample.node("MatMul", ["x", "w"], ["z"])).message(12, Sample.value("z"))
        let node = Sample.node(
            "If", ["c"], ["y"], attributes: [ONNX.empty.text(1, "then_branch").message(6, branch).integer(20, 5)])
        let graph = Sample.graph([
            (1, Sample.node("MatMul", ["x", "w"], ["h"])), (1, node),
            (5, Sample.tensor("w", [16, 32], Sample.weights(16, 32))),
        ])
        let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), .int8Weights))
        #expect(opened.nodes.map(\.type) == ["DequantizeLinear", "MatMul", "If"])
        #expect(throws: RewriteRefusal.self) { try Sample.rewritten(Sample.model(graph), .int8Dynamic) }
    }

    @Test(arguments: Precision.allCases)
    func `inputs and outputs stay as they are`(precision: Precision) throws {
        for number in [11, 12] as [UInt64] {
            let graph = Sample.product.message(number, Sample.value("w"))
            #expect(throws: RewriteRefusal.self) { try Sample.rewritten(Sample.model(graph), precision) }
        }
    }

    @Test(arguments: Precision.allCases)
    func `old operator sets and formats are refused with a next step`(precision: Precision) throws {
        let bytes = Sample.model(Sample.product, opset: precision.opsetMin - 1)
        let refusal = try #require(throws: RewriteRefusal.self) { try Sample.rewritten(bytes, precision) }
        #expect(refusal.reason.contains("needs operator set \(precision.opsetMin)") && !refusal.remedy.isEmpty)
        _ = try Sample.rewritten(Sample.model(Sample.product, opset: precision.opsetMin), precision)
        #expect(throws: RewriteRefusal.self) {
            try Sample.rewritten(Sample.model(Sample.product, irVersion: 3), precision)
        }
        let again = try Sample.rewritten(Sample.model(Sample.product), .int8Dynamic)
        #expect(throws: RewriteRefusal.self) { try Sample.rewritten(again, precision) }
    }

    @Test(arguments: Precision.allCases)
    func `the same model gives the same bytes, and as many as it says`(precision: Precision) throws {
        let bytes = Sample.model(Sample.product)
        let rewrite = try Sample.rewrite(bytes, precision)
        let result = try Sample.rewritten(bytes, precision)
        #expect(try Sample.rewritten(bytes, precision) == result && rewrite.byteCount == result.count)
        #expect(rewrite.report.tensorCount == 1 && rewrite.report.bytesBefore == 2048)
        #expect(rewrite.report.bytesAfter == (precision == .float16 ? 1024 : 512 + 32 * 4))
        #expect(try ONNXSummary(reading: BytesSource(result)).producerName == "tests")
    }

    @Test func `unknown fields stay, and new names do not collide`() throws {
        let graph = Sample.graph([
            (1, Sample.node("Identity", ["x"], ["assay_float16/w"])), (1, Sample.node("MatMul", ["x", "w"], ["y"])),
            (5, Sample.tensor("w", [16, 32], Sample.weights(16, 32))),
        ]).text(4000, "unknown in the graph")
        let bytes = Sample.model(graph) + ONNX.empty.text(5000, "unknown in the model").bytes
        let result = try Sample.rewritten(bytes, .float16)
        let text = String(decoding: result, as: UTF8.self)
        #expect(text.contains("unknown in the graph") && text.contains("unknown in the model"))
        #expect(try OpenedModel(result).tensors["assay_float16/w_2"] != nil)
    }

    @Test func `float_data is read as raw data is`() throws {
        let values = Sample.weights(16, 32)
        let tensor = ONNX.empty.integer(1, 16).integer(1, 32).integer(2, 1).text(8, "w").bytes(4, Sample.raw(values))
        let graph = Sample.graph([(1, Sample.node("MatMul", ["x", "w"], ["y"])), (5, tensor)])
        for precision in Precision.allCases {
            let opened = try OpenedModel(try Sample.rewritten(Sample.model(graph), precision))
            let expected = try OpenedModel(try Sample.rewritten(Sample.model(Sample.product), precision))
            #expect(opened.tensors.mapValues(\.data) == expected.tensors.mapValues(\.data))
        }
    }
}
