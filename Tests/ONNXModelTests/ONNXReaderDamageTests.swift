import Foundation
import ONNXModel
import ONNXSamples
import Testing

/// Files that are not models, or are made to harm, get an error and never stop the process.
struct ONNXReaderDamageTests {
    private func error(_ bytes: [UInt8]) -> ONNXModelError? {
        do {
            _ = try ONNXSummary(reading: BytesSource(bytes))
            return nil
        } catch {
            return error as? ONNXModelError
        }
    }

    private func isInvalid(_ bytes: [UInt8]) -> Bool {
        if case .invalid = error(bytes) { true } else { false }
    }

    private func isOverLimit(_ bytes: [UInt8]) -> Bool {
        if case .limitExceeded = error(bytes) { true } else { false }
    }

    @Test func `an empty file and a text file are no models`() {
        #expect(error([]) == .invalid("it is empty"))
        #expect(isInvalid(Array("import torch\nprint(1)\n".utf8)))
        #expect(isInvalid(Array("{\"a\": 1}".utf8)))
        #expect(isInvalid([UInt8](repeating: 0, count: 1_000)))
        #expect(isInvalid([UInt8](repeating: 0xff, count: 1_000)))
    }

    @Test func `a model cut at any byte is no model`() {
        let bytes = ONNX.model(
            ONNX.empty.message(1, ONNX.node("Gemm")).message(5, ONNX.tensor("w", axes: [2, 3], data: 24))
                .message(11, ONNX.value("x", type: ONNX.tensorType(1, shape: ONNX.batch))))
        #expect(error(bytes) == nil)
        for length in bytes.indices { #expect(isInvalid(Array(bytes.prefix(length)))) }
    }

    @Test func `any single damaged byte gives a summary or an error`() {
        let bytes = ONNX.model(ONNX.empty.message(1, ONNX.node("Gemm")).message(5, ONNX.tensor("w", axes: [2, 3])))
        var refused = 0
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << UInt8(bit)
                if error(damaged) != nil { refused += 1 }
            }
        }
        #expect(refused > bytes.count)
    }

    @Test func `graphs and types nested 10,000 deep are refused`() {
        var graph = ONNX.empty
        var type = ONNX.tensorType(1, shape: nil)
        for _ in 0..<10_000 {
            graph = ONNX.empty.message(1, ONNX.node("If", attribute: ONNX.empty.message(6, graph)))
            type = ONNX.empty.message(4, ONNX.empty.message(1, type))
        }
        #expect(isInvalid(ONNX.model(graph)))
        #expect(isInvalid(ONNX.model(ONNX.empty.message(11, ONNX.value("x", type: type)))))
    }

    @Test func `groups are refused`() {
        #expect(isInvalid([UInt8](repeating: 0x0b, count: 10_000)))
        #expect(isInvalid([0x0c]))
    }

    @Test(arguments: [
        [Int64.max, 2], [1 << 32, 1 << 32], [-1], [Int64.min], [1 << 62, 1 << 62, 0],
    ])
    func `axes that are negative or overflow are refused`(axes: [Int64]) {
        #expect(isInvalid(ONNX.model(ONNX.empty.message(5, ONNX.tensor("w", axes: axes)))))
    }

    @Test func `a sum of elements that overflows is refused`() {
        let large = ONNX.tensor("w", axes: [Int64.max])
        #expect(isInvalid(ONNX.model(ONNX.empty.message(5, large).message(5, large))))
    }

    @Test func `integers longer than 64 bits are refused`() {
        let long = [UInt8](repeating: 0xff, count: 9)
        #expect(isInvalid([0x08] + long + [0x02]))
        #expect(isInvalid([0x08] + long + [0xff, 0x01]))
        #expect(isInvalid(ONNX.model(ONNX.empty) + [0x3a] + long + [0x01]))
    }

    @Test func `a length beyond its message is refused`() {
        #expect(isInvalid([0x08, 0x08, 0x3a, 0x05, 0x0a]))
        #expect(isInvalid([0x08, 0x08, 0x3a, 0x02, 0x0a, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00]))
    }

    @Test func `too many of anything is over a limit`() {
        let nodes = (0...500_000).reduce(into: [UInt8]()) { bytes, _ in bytes += [0x0a, 3, 0x22, 1, 0x41] }
        #expect(isOverLimit(ONNX.model(ONNX.empty.raw(nodes))))
        let value = ONNX.empty.message(12, ONNX.empty.text(1, "y")).bytes
        let outputs = (0...10_000).reduce(into: [UInt8]()) { bytes, _ in bytes += value }
        #expect(isOverLimit(ONNX.model(ONNX.empty.raw(outputs))))
    }

    @Test func `a name of 10 MiB is over a limit`() {
        let name = String(repeating: "n", count: 10 << 20)
        #expect(isOverLimit(ONNX.model(ONNX.empty.message(1, ONNX.node(name)))))
        #expect(isOverLimit(ONNX.model(ONNX.empty.message(5, ONNX.tensor(name, axes: [1])))))
    }

    @Test func `a model needs one graph, a version and an operator set`() {
        let graph = ONNX.empty.message(7, ONNX.empty.message(1, ONNX.node("Gemm")))
        let opset = ONNX.empty.message(8, ONNX.empty.integer(2, 17))
        #expect(error((ONNX.empty.integer(1, 8) + graph + opset).bytes) == nil)
        #expect(isInvalid((graph + opset).bytes))
        #expect(isInvalid((ONNX.empty.integer(1, 8) + opset).bytes))
        #expect(isInvalid((ONNX.empty.integer(1, 8) + graph).bytes))
        #expect(isInvalid((ONNX.empty.integer(1, 8) + graph + graph + opset).bytes))
    }

    @Test func `pipes, folders and absent files are unreadable at once`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
        for path in [folder, "\(folder)/pipe", "\(folder)/absent"] {
            #expect(throws: ONNXModelError.self) { try FileSource(path: path) }
        }
    }

    @Test func `a source that gives too little is an error`() {
        let source = FetchedSource(byteCount: 100) { _, _ in [8] }
        #expect(throws: ONNXModelError.unreadable("1 bytes came instead of 100")) { try ONNXSummary(reading: source) }
    }
}
