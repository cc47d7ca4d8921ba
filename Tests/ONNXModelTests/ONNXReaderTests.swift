import Foundation
import ONNXModel
import ONNXSamples
import Testing

struct ONNXReaderTests {
    @Test func `a model's interface, operators and size are read`() throws {
        let metadata = ONNX.empty.text(1, "author").text(2, "a person")
        let bytes = ONNX.model(ONNX.classifier, more: ONNX.empty.message(14, metadata))
        let summary = try ONNXSummary(reading: BytesSource(bytes))
        #expect(summary.irVersion == 8)
        #expect(summary.producerName == "tests" && summary.producerVersion == "1.0")
        #expect(summary.opsets == ["ai.onnx": 17])
        let shape: [ONNXDimension] = [.symbolic("batch"), .fixed(64), .symbolic("?"), .symbolic("?")]
        #expect(summary.inputs == [ONNXValue(name: "image", elementType: "float32", shape: shape)])
        #expect(summary.outputs.map(\.elementType) == ["float32", "sequence(map(int64,float32))"])
        #expect(summary.outputs.map(\.shape) == [nil, nil])
        #expect(summary.operators.map(\.name) == ["Gemm", "If", "QLinearMatMul", "com.example.FusedGemm"])
        #expect(summary.operators.map(\.count) == [2, 1, 1, 1])
        #expect(summary.parameterCount == 642)
        #expect(summary.precision == ["float32", "int64"])
        #expect(summary.isQuantized)
        #expect(summary.metadata == ["author": "a person"])
    }

    @Test func `every kind of source gives the same summary`() throws {
        let bytes = ONNX.model(ONNX.classifier)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).onnx").path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let expected = try ONNXSummary(reading: BytesSource(bytes))
        #expect(try ONNXSummary(reading: FileSource(path: path)) == expected)
        let fetched = FetchedSource(byteCount: bytes.count) { Array(bytes[$0..<$0 + $1]) }
        #expect(try ONNXSummary(reading: fetched) == expected)
    }

    @Test func `weights are not read`() throws {
        final class Counter { var bytes = 0 }
        let counter = Counter()
        let bytes = ONNX.model(ONNX.empty.message(5, ONNX.tensor("w", axes: [1], data: 8 << 20)))
        let source = FetchedSource(byteCount: bytes.count) { offset, count in
            counter.bytes += count
            return Array(bytes[offset..<offset + count])
        }
        #expect(try ONNXSummary(reading: source).parameterCount == 1)
        #expect(counter.bytes < 200_000)
    }

    @Test func `external data is named and its numbers are checked`() throws {
        func model(_ key: String, _ value: String) -> BytesSource {
            let entry = ONNX.empty.text(1, key).text(2, value)
            let tensor = ONNX.tensor("w", axes: [4]).message(13, entry).integer(14, 1)
            return BytesSource(ONNX.model(ONNX.empty.message(5, tensor)))
        }
        let data = try ONNXSummary(reading: model("location", "weights.bin")).externalData
        #expect(data == [.init(location: "weights.bin", end: 0)])
        for bad in ["-1", "99999999999999999999", "x", ""] {
            #expect(throws: ONNXModelError.self) { try ONNXSummary(reading: model("offset", bad)) }
        }
    }

    @Test(arguments: [[], [0], [1, 0], [0, 7], [2]] as [[Int64]])
    func `entries of a tensor whose data lies in the model are void`(places: [Int64]) throws {
        let tensor = places.reduce(
            ONNX.tensor("w", axes: [4], data: 16).message(13, ONNX.empty.text(1, "location").text(2, "gone.bin"))
                .message(13, ONNX.empty.text(1, "offset").text(2, "x"))
        ) { $0.integer(14, $1) }
        let summary = try ONNXSummary(reading: BytesSource(ONNX.model(ONNX.empty.message(5, tensor))))
        #expect(summary.externalData.isEmpty)
    }

    @Test func `a number that is no place of data leaves the one before it`() throws {
        let entry = ONNX.empty.text(1, "location").text(2, "w.bin")
        let tensor = ONNX.tensor("w", axes: [4]).integer(14, 1).message(13, entry).integer(14, 9)
        let summary = try ONNXSummary(reading: BytesSource(ONNX.model(ONNX.empty.message(5, tensor))))
        #expect(summary.externalData.map(\.location) == ["w.bin"])
    }

    @Test func `packed and single axes count the same`() throws {
        let packed = ONNX.empty.bytes(1, WireBuilder.varint(3) + WireBuilder.varint(500)).integer(2, 10)
        let summary = try ONNXSummary(reading: BytesSource(ONNX.model(ONNX.empty.message(5, packed))))
        #expect(summary.parameterCount == 1500)
        #expect(summary.precision == ["float16"])
    }

    @Test func `JSON has snake-case keys and comes back the same`() throws {
        let summary = try ONNXSummary(reading: BytesSource(ONNX.model(ONNX.classifier)))
        let json = try JSONEncoder().encode(summary)
        let text = String(decoding: json, as: UTF8.self)
        #expect(text.contains(#""parameter_count":642"#) && text.contains(#"["batch",64,"?","?"]"#))
        #expect(try JSONDecoder().decode(ONNXSummary.self, from: json) == summary)
    }

    @Test func `long texts are cut between characters`() throws {
        let value = String(repeating: "ü", count: 5_000)
        let metadata = ONNX.empty.text(1, "a").text(2, value)
        let bytes = ONNX.model(ONNX.empty, more: ONNX.empty.message(14, metadata))
        let cut = try #require(try ONNXSummary(reading: BytesSource(bytes)).metadata["a"])
        #expect(cut.hasSuffix("ü…") && cut.utf8.count < 1_100 && !cut.contains("\u{FFFD}"))
    }
}
