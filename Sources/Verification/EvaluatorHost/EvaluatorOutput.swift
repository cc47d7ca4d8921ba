import AssayDomain
import EvaluationProtocol
import Subprocess

/// Reads what an evaluator writes, and no more of it than an evaluator has to say.
enum EvaluatorOutput {
    /// The most that a process may write in all: progress of hours, and one answer.
    static let bytesMax = 64 << 20
    /// The most that is shown of a stage's name.
    private static let stageLengthMax = 40

    /// Reads lines until there is an answer, an end or too much.
    static func read(
        _ output: SubprocessOutputSequence, cage: (EvaluationCage) -> Void,
        progress: (Verification.Progress) -> Void
    ) async -> EvaluatorEnding.Answer {
        var line: [UInt8] = []
        var bytesRead = 0
        var isCaged = false
        do {
            for try await chunk in output {
                let bytes = chunk.withUnsafeBytes { Array($0) }
                bytesRead += bytes.count
                if bytesRead > bytesMax { return .flooded }
                for byte in bytes {
                    guard byte == UInt8(ascii: "\n") else {
                        line.append(byte)
                        if line.count > EvaluationMessage.lineBytesMax { return .flooded }
                        continue
                    }
                    switch try EvaluationMessage(line: line) {
                    case .cage(let told):
                        // Only the first one comes from a process that nothing can have taken over yet.
                        if !isCaged { cage(told) }
                        isCaged = true
                    case .progress(let stage, let done, let total):
                        let name = Printable.escape(stage.rawValue, limit: stageLengthMax)
                        progress(.init(stage: name, done: done, total: total))
                    case .result(let result): return .result(result)
                    case .failure(let failure): return .failure(failure)
                    }
                    line.removeAll(keepingCapacity: true)
                }
            }
        } catch {
            // Output that is no message, or that cannot be read, counts as no answer.
            return .silent
        }
        return .silent
    }
}
