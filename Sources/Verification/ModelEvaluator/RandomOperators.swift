import EvaluationProtocol
import ONNXModel

/// Operators that answer otherwise each time they run, looked for in the model's file.
///
/// A seed makes no difference: the sequence goes on from run to run, so the model can tell the first run from the
/// hundredth. Running finds only what happens to differ while somebody looks.
enum RandomOperators {
    /// Throws `nondeterministic` naming those that the model has, wherever they are in it.
    static func requireNone(in path: String) throws(EvaluationFailure) {
        let found: [String]
        do {
            found = try ONNXRandomOperators.names(reading: FileSource(path: path))
        } catch ONNXModelError.limitExceeded(let reason) {
            throw EvaluationFailure(
                .resourceLimit, "the model is over a limit: \(MessageText.plain(reason, limit: 200))")
        } catch {
            throw EvaluationFailure(.invalidModel, "the model's graph cannot be read")
        }
        guard !found.isEmpty else { return }
        throw EvaluationFailure(
            .nondeterministic,
            "the model has operators of random (\(MessageText.list(found))), so that its answers depend on how often "
                + "it ran; export it for inference")
    }
}
