import Foundation
import ONNXRuntime
import Testing

@Suite struct `ONNX Runtime session` {
    private let library: OnnxLibrary

    init() throws {
        library = try OnnxLibrary(path: TestFiles.runtimePath())
    }

    private func session(_ name: String) throws -> OnnxSession {
        try OnnxSession(library: library, modelPath: TestFiles.digits(name), threads: 1)
    }

    @Test func `the library says its version`() {
        #expect(library.version.hasPrefix("1."))
    }

    @Test func `loading the library switches its telemetry off`() {
        #expect(ProcessInfo.processInfo.environment["ORT_DISABLE_TELEMETRY"] == "1")
    }

    @Test func `inputs and outputs are described as the graph declares them`() throws {
        let session = try session("digits-1.onnx")
        #expect(session.inputs == [.init(name: "input", kind: .tensor(.float32, shape: [nil, 64]))])
        #expect(session.outputs == [.init(name: "probabilities", kind: .tensor(.float32, shape: [nil, 10]))])
    }

    @Test func `a run gives probabilities and can be repeated`() throws {
        let session = try session("digits-1.onnx")
        let memory = try TensorMemory(byteCount: 2 * 64 * 4)
        let tensor = try OnnxTensor(
            library: library, memory: memory, byteOffset: 0, elementType: .float32, shape: [2, 64])
        let run = OnnxRun(session: session, inputs: [(name: "input", tensor: tensor)], outputNames: ["probabilities"])
        try run.execute()
        let first = try run.output(at: 0)
        run.releaseOutputs()
        try run.execute()
        #expect(try run.output(at: 0) == first)
        #expect(first.shape == [2, 10])
        guard case .floatingPoint(let values) = first.elements else {
            Issue.record("the output is not floating point")
            return
        }
        #expect(abs(values[0..<10].reduce(0, +) - 1) < 1e-5)
        #expect(values[0..<10] == values[10..<20].map { $0 }[...])
    }

    @Test func `an output that does not exist is an error`() throws {
        let session = try session("digits-1.onnx")
        let run = OnnxRun(session: session, inputs: [], outputNames: ["probabilities"])
        #expect(throws: OnnxError.self) { try run.output(at: 0) }
        #expect(throws: OnnxError.self) { try run.output(at: 1) }
        #expect(throws: OnnxError.self) { try run.execute() }
    }

    @Test(arguments: [
        ("damaged/text.onnx", OnnxError.Code.invalidProtobuf), ("damaged/truncated.onnx", .invalidProtobuf),
        ("absent.onnx", .noSuchFile),
    ])
    func `a file that is no model is refused with the library's code`(name: String, code: OnnxError.Code) throws {
        let error = try #require(throws: OnnxError.self) { try session(name) }
        #expect(error.code == code)
        #expect(error.function == "CreateSession")
    }

    @Test(arguments: ["/nowhere/libonnxruntime.so", "libonnxruntime.so", #filePath])
    func `what is no library is refused as unusable`(path: String) throws {
        let error = try #require(throws: OnnxError.self) { try OnnxLibrary(path: path) }
        #expect(error.code == .libraryUnusable)
        #expect(!error.message.isEmpty)
    }

    @Test(arguments: [
        ([3, 2], 0), ([2, 2], 1), ([1, 1], -1), ([1, 1], 16), ([-1, 1], 0), ([Int.max, Int.max], 0), ([1], .max),
    ])
    func `a tensor outside of its memory is refused`(shape: [Int], offset: Int) throws {
        let memory = try TensorMemory(byteCount: 16)
        #expect(throws: OnnxError.self) {
            try OnnxTensor(library: library, memory: memory, byteOffset: offset, elementType: .float32, shape: shape)
        }
    }

    @Test func `memory that cannot be had is an error`() throws {
        let error = try #require(throws: OnnxError.self) { try TensorMemory(byteCount: 1 << 60) }
        #expect(error.code == .outOfMemory)
        #expect(throws: OnnxError.self) { try TensorMemory(byteCount: -1) }
    }
}

/// Without a library of its own, so that the last environment goes again and again.
@Suite struct `ONNX Runtime library` {
    @Test func `libraries that come and go side by side are all usable`() async throws {
        let path = try TestFiles.runtimePath()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<200 { _ = try OnnxLibrary(path: path) }
                }
            }
            try await group.waitForAll()
        }
    }
}
