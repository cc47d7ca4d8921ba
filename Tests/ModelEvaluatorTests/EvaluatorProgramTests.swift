import EvaluationProtocol
import Foundation
import Testing

/// The real executable: what it limits itself to cannot be tried inside of the test process.
@Suite(.serialized, .timeLimit(.minutes(1))) struct `Evaluator program` {
    private struct Answer {
        let messages: [EvaluationMessage]
        let isExit: Bool
        let status: Int32

        var failure: EvaluationFailure? {
            if case .failure(let failure)? = messages.last { failure } else { nil }
        }
    }

    private func run(_ input: [UInt8]) throws -> Answer {
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let program = folder.appending(path: "assay-evaluator")
        try #require(
            FileManager.default.isExecutableFile(atPath: program.path()),
            "\(program.path()) is missing: build the package with its executables first")
        let process = Process()
        process.executableURL = program
        let standardInput = Pipe()
        let standardOutput = Pipe()
        process.standardInput = standardInput
        process.standardOutput = standardOutput
        try process.run()
        // A program that refuses a long job closes its end before everything is written.
        try? standardInput.fileHandleForWriting.write(contentsOf: input)
        try standardInput.fileHandleForWriting.close()
        let output = try standardOutput.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Answer(
            messages: try output.split(separator: UInt8(ascii: "\n")).map { try EvaluationMessage(line: $0) },
            isExit: process.terminationReason == .exit, status: process.terminationStatus)
    }

    private func job(_ model: String, _ limits: EvaluationLimits = EvaluationLimits()) throws -> [UInt8] {
        try EvaluationJob(
            runtimePath: TestFiles.runtimePath(), modelPath: TestFiles.digits(model),
            datasetPath: TestFiles.digits("test.npz"), latency: LatencySettings(warmUpRuns: 10, measuredRuns: 100),
            limits: limits
        ).json()
    }

    @Test func `the cage comes first, then progress, and one result last`() throws {
        let answer = try run(job("digits-1.onnx"))
        #expect(answer.isExit && answer.status == 0)
        guard case .result(let result)? = answer.messages.last else {
            Issue.record("the last message is no result: \(answer.messages)")
            return
        }
        #expect(result.metrics.values["accuracy"] == 0.958)
        #expect(answer.messages.count > 3)
        guard case .cage(let cage)? = answer.messages.first else {
            Issue.record("the first message is no cage: \(answer.messages)")
            return
        }
        #expect(cage.layers.contains(.resourceLimits))
        // This test starts the program in its own session, and with its own variables.
        #expect(cage.absent.starts(with: [.environment, .session]))
        for message in answer.messages.dropFirst().dropLast() {
            guard case .progress(_, let done, let total) = message else {
                Issue.record("\(message) before the end")
                return
            }
            #expect(0 <= done && done <= total)
        }
    }

    @Test func `a failure is an answer too`() throws {
        let answer = try run(job("damaged/text.onnx"))
        #expect(answer.isExit && answer.status == 0)
        #expect(answer.failure?.kind == .invalidModel)
    }

    @Test(arguments: ["", "no job", #"{"protocol":5}"#, String(repeating: " ", count: EvaluationJob.bytesMax + 1)])
    func `what is no job is answered with a failure`(text: String) throws {
        let answer = try run(Array(text.utf8))
        #expect(answer.isExit && answer.status == 0)
        #expect(answer.failure?.kind == .internal)
    }

    @Test func `an endless loop ends at the limit of CPU time`() throws {
        let answer = try run(job("damaged/endless-loop.onnx", EvaluationLimits(cpuSeconds: 1)))
        #expect(!answer.isExit && answer.status == SIGXCPU)
        #expect(answer.failure == nil)
    }

    @Test func `a model that needs more memory than allowed is answered with the limit`() throws {
        let model = OnnxModelBytes(
            operators: [("Expand", ["input", "size"], ["y"])],
            inputs: [.init(name: "input", elementType: OnnxModelBytes.float32, shape: [nil, 64])],
            outputs: [.init(name: "y", elementType: OnnxModelBytes.float32, shape: [nil, nil, nil])],
            constants: [("size", [1 << 24, 1, 64])])
        let file = try TemporaryFile(model.bytes)
        let job = EvaluationJob(
            runtimePath: try TestFiles.runtimePath(), modelPath: file.path,
            datasetPath: try TestFiles.digits("test.npz"), task: .regression,
            limits: EvaluationLimits(memoryBytes: 1 << 30))
        let answer = try run(job.json())
        #expect(answer.isExit && answer.status == 0)
        #expect(answer.failure?.kind == .resourceLimit)
    }
}
