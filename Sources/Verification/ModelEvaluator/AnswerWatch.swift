import EvaluationProtocol
import ONNXRuntime

/// Whether a model answers the same samples alike, run after run and session after session.
///
/// It looks at the first answer and then, unforeseeably, at as many as cost a small part of the runs' own time.
final class AnswerWatch {
    /// Looking takes at most this part of the time of the runs, beyond those that are drawn.
    private static let share: UInt64 = 16
    /// One of so many runs is looked at whatever it costs.
    private static let drawnOfRuns: UInt64 = 32

    private var reference: Int?
    private var isOther = false
    private var runNanoseconds: UInt64 = 0
    private var lookNanoseconds: UInt64 = 0
    private var draws = SplitMix64(seed: UInt64.random(in: .min ... .max))

    /// Takes notice of a run that has just ended and took so long; its outputs are still there.
    func look(at run: OnnxRun, after nanoseconds: UInt64) throws(OnnxError) {
        runNanoseconds += nanoseconds
        let isDue = lookNanoseconds <= runNanoseconds / Self.share || draws.next() % Self.drawnOfRuns == 0
        guard reference == nil || isDue else { return }
        let start = MonotonicClock.nanoseconds
        let answer = try run.fingerprint()
        if let reference, reference != answer { isOther = true }
        reference = reference ?? answer
        lookNanoseconds += MonotonicClock.nanoseconds - start
    }

    /// Throws `nondeterministic` if two answers were not equal bit for bit.
    func requireOneAnswer() throws(EvaluationFailure) {
        guard isOther else { return }
        throw EvaluationFailure(
            .nondeterministic,
            "the model gave different answers to the same samples while its latency was measured; it must give the "
                + "same bits for the same batch and threads")
    }
}
