import ONNXModel
import ONNXRewriting
import ONNXSamples
import Testing

/// Weights in other files, and models that are damaged or made to harm.
struct ModelRewriteDamageTests {
    private let values = Sample.weights(16, 32)

    private func external(_ entries: [(String, String)], name: String = "w") -> WireBuilder {
        entries.reduce(ONNX.empty.integer(1, 16).integer(1, 32).integer(2, 1).text(8, name)) { tensor, entry in
            tensor.message(13, ONNX.empty.text(1, entry.0).text(2, entry.1))
        }.integer(14, 1)
    }

    private func model(_ tensors: WireBuilder...) -> [UInt8] {
        Sample.model(Sample.graph([(1, Sample.node("MatMul", ["x", "w"], ["y"]))] + tensors.map { (5, $0) }))
    }

    @Test func `weights of other files are taken in`() throws {
        let file = [7, 7, 7, 7] + Sample.raw(values)
        let bytes = model(
            external([("location", "weights.bin"), ("offset", "4"), ("length", "2048")]),
            // Not rewritten, since it is of no product, and taken in all the same.
            external([("location", "weights.bin"), ("offset", "4")], name: "other"))
        let rewrite = try Sample.rewrite(bytes, .int8Weights, files: ["weights.bin": file])
        #expect(rewrite.inlinedFiles == ["weights.bin"])
        let opened = try OpenedModel(try Sample.rewritten(bytes, .int8Weights, files: ["weights.bin": file]))
        let expected = try OpenedModel(try Sample.rewritten(Sample.model(Sample.product), .int8Weights))
        #expect(opened.integers("assay_int8/w") == expected.integers("assay_int8/w"))
        let other = try #require(opened.tensors["other"])
        #expect(other.data == Sample.raw(values) && !other.isExternal && other.dimensions == [16, 32])
    }

    @Test(arguments: [
        [("location", "absent.bin")], [], [("location", "w"), ("offset", "-1")], [("location", "w"), ("offset", "x")],
        [("location", "w"), ("offset", "9223372036854775807")], [("location", "w"), ("length", "2049")],
        [("location", "w"), ("offset", "1")], [("location", "w"), ("length", "9223372036854775807")],
        [("location", "w"), ("offset", "2048")],
    ])
    func `other files that are not as the model says are errors`(entries: [(String, String)]) {
        #expect(throws: ONNXModelError.self) {
            try Sample.rewritten(model(external(entries)), .int8Weights, files: ["w": Sample.raw(values)])
        }
    }

    @Test func `other files of subgraphs and attributes are refused`() {
        let constant = Sample.node(
            "Constant", [], ["k"], attributes: [ONNX.empty.text(1, "value").message(5, external([("location", "w")]))])
        let branch = ONNX.empty.message(5, external([("location", "w")], name: "inner"))
        let condition = Sample.node(
            "If", ["c"], ["z"], attributes: [ONNX.empty.text(1, "then_branch").message(6, branch)])
        for node in [constant, condition] {
            #expect(throws: RewriteRefusal.self) {
                try Sample.rewritten(
                    Sample.model(Sample.product.message(1, node)), .float16, files: ["w": Sample.raw(values)])
            }
        }
    }

    @Test(arguments: Precision.allCases)
    func `a model cut at any byte is an error`(precision: Precision) throws {
        let bytes = Sample.model(Sample.product)
        _ = try Sample.rewritten(bytes, precision)
        for length in bytes.indices {
            #expect(throws: ONNXModelError.self) { try Sample.rewritten(Array(bytes.prefix(length)), precision) }
        }
    }

    @Test(arguments: Precision.allCases)
    func `any damaged byte of the structure gives a model or an error`(precision: Precision) throws {
        let condition = Sample.node(
            "If", ["c"], ["z"],
            attributes: [ONNX.empty.text(1, "then_branch").message(6, ONNX.empty.message(12, Sample.value("w")))])
        let bytes = Sample.model(
            Sample.product.message(1, condition).message(5, external([("location", "w")], name: "other")))
        let structure = bytes.indices.filter { $0 < 60 || $0 > 2_100 }
        var outcomes = (models: 0, errors: 0)
        for index in structure {
            for flipped in [1, 2, 8, 64, 128, 255] as [UInt8] {
                var damaged = bytes
                damaged[index] ^= flipped
                do {
                    let result = try Sample.rewritten(damaged, precision, files: ["w": Sample.raw(values)])
                    _ = try ONNXSummary(reading: BytesSource(result))
                    outcomes.models += 1
                } catch is ONNXModelError {
                    outcomes.errors += 1
                } catch is RewriteRefusal {
                    outcomes.errors += 1
                }
            }
        }
        #expect(outcomes.errors > structure.count && outcomes.models + outcomes.errors == structure.count * 6)
    }

    @Test(arguments: [
        [Int64.max, 2], [1 << 32, 1 << 32], [16, 31], [16, 33], [-1, 512], [1 << 62, 4],
    ])
    func `axes that do not fit the data are errors`(axes: [Int64]) {
        #expect(throws: ONNXModelError.self) {
            try Sample.rewritten(model(Sample.tensor("w", axes, values)), .float16)
        }
    }

    @Test func `two tensors of one name, two kinds of data and none are errors`() {
        let good = Sample.tensor("w", [16, 32], values)
        let empty = ONNX.empty.integer(1, 16).integer(1, 32).integer(2, 1).text(8, "w")
        #expect(throws: ONNXModelError.self) { try Sample.rewritten(model(good, good), .float16) }
        #expect(throws: ONNXModelError.self) {
            try Sample.rewritten(model(good.bytes(4, Sample.raw(values))), .float16)
        }
        #expect(throws: ONNXModelError.self) { try Sample.rewritten(model(empty), .float16) }
    }

    @Test func `weights that int8 cannot hold stay`() throws {
        var infinite = values
        infinite[3] = -.infinity
        #expect(throws: RewriteRefusal.self) {
            try Sample.rewritten(model(Sample.tensor("w", [16, 32], infinite)), .int8Weights)
        }
    }

    @Test func `tiny and zero weights have scales that are numbers`() throws {
        let tiny = (0..<512).map { $0 % 2 == 0 ? Float.leastNonzeroMagnitude : 0 }
        let opened = try OpenedModel(
            try Sample.rewritten(model(Sample.tensor("w", [16, 32], tiny)), .int8Weights))
        #expect(opened.floats("assay_scale/w").allSatisfy { $0.isNormal })
        #expect(opened.integers("assay_int8/w").allSatisfy { $0 == 0 })
    }

    @Test func `a file that changes between two reads never stops the process`() throws {
        final class Reads { var count = 0 }
        let (reads, bytes) = (Reads(), Sample.model(Sample.product))
        let limit = try { () throws -> Int in
            _ = try ModelRewrite(
                reading: FetchedSource(byteCount: bytes.count) { offset, count in
                    reads.count += 1
                    return Array(bytes[offset..<offset + count])
                }, precision: .int8Weights
            ) { _ in nil }
            return reads.count
        }()
        reads.count = 0
        let source = FetchedSource(byteCount: bytes.count) { offset, count in
            reads.count += 1
            return reads.count <= limit
                ? Array(bytes[offset..<offset + count]) : [UInt8](repeating: 0xFF, count: count)
        }
        let rewrite = try ModelRewrite(reading: source, precision: .int8Weights) { _ in nil }
        var written = 0
        try rewrite.write { written += $0.count }
        #expect(written == rewrite.byteCount)
    }
}
