import EvaluationProtocol
import Glibc
import Sandbox

/// The whole of the evaluator's executable: a job on standard input, messages on standard output.
package enum EvaluatorProgram {
    /// At most this often a progress line is written.
    private static let progressIntervalNanoseconds: UInt64 = 100_000_000

    /// Answers one job; the exit code is 0 whenever an answer was written.
    package static func run(input: Int32 = STDIN_FILENO, output: Int32 = STDOUT_FILENO) -> Int32 {
        write(answer(input: input, output: output), to: output) ? 0 : 1
    }

    private static func answer(input: Int32, output: Int32) -> EvaluationMessage {
        do {
            try Cage.closeInheritedFiles()
            guard let bytes = SystemFiles.readToEnd(input, limit: EvaluationJob.bytesMax) else {
                return .failure(
                    EvaluationFailure(.internal, "the job cannot be read or is above \(EvaluationJob.bytesMax) bytes"))
            }
            let job = try EvaluationJob(json: bytes)
            if let cpus = job.limits.cpuSet { try Affinity.keep(on: cpus) }
            ProcessMemory.open()
            ProcessMemory.offerToOutOfMemoryKiller()
            let cage = try Cage.close(job.limits, readable: job.readablePaths)
            _ = write(.cage(cage), to: output)
            try ReaderWatch.start(over: output)
            var pace = ProgressPace(intervalNanoseconds: progressIntervalNanoseconds)
            let evaluation = ModelEvaluation(job: job) { stage, done, total in
                guard pace.isDue(stage, now: MonotonicClock.nanoseconds) else { return }
                // Whether somebody reads the progress does not matter to the answer.
                _ = write(.progress(stage: stage, done: done, total: total), to: output)
            }
            return .result(try evaluation.evaluate())
        } catch let failure as EvaluationFailure {
            return .failure(failure)
        } catch let error as EvaluationProtocolError {
            return .failure(EvaluationFailure(.internal, error.description))
        } catch {
            return .failure(EvaluationFailure(.internal, "unexpected failure"))
        }
    }

    private static func write(_ message: EvaluationMessage, to output: Int32) -> Bool {
        guard let line = try? message.line() else {
            // Only a number that is not finite gets here, and those are refused where they arise.
            return writeAll(
                Array(#"{"kind":"internal","message":"the answer cannot be written","#.utf8)
                    + Array("\"protocol\":\(EvaluationProtocolVersion.current),\"type\":\"failure\"}\n".utf8),
                to: output)
        }
        return writeAll(line, to: output)
    }

    private static func writeAll(_ bytes: [UInt8], to output: Int32) -> Bool {
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(output, $0.baseAddress.map { $0 + position }, $0.count - position)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            position += count
        }
        return true
    }
}

extension EvaluationJob {
    /// What the evaluation has to read: the library, each model with the folder that is its own, and the data.
    fileprivate var readablePaths: [String] {
        let models = [modelPath, baselineModelPath, teacherModelPath].compactMap(\.self)
        let folders = models.map { String($0.prefix(upTo: $0.lastIndex(of: "/") ?? $0.startIndex)) }
        return [runtimePath, datasetPath] + models + folders
    }
}

/// Decides which progress is worth a line: the first of each stage and then one per interval.
struct ProgressPace {
    private let intervalNanoseconds: UInt64
    private var last: (stage: EvaluationStage, time: UInt64)?

    init(intervalNanoseconds: UInt64) {
        self.intervalNanoseconds = intervalNanoseconds
    }

    mutating func isDue(_ stage: EvaluationStage, now: UInt64) -> Bool {
        if let last, last.stage == stage, now < last.time &+ intervalNanoseconds { return false }
        last = (stage, now)
        return true
    }
}
