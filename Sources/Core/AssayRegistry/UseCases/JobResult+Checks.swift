import AssayDomain

extension JobResult {
    private static let textLengthMax = 1_000
    private static let metricsMax = 10_000
    private static let coresMax = 65_536

    /// Throws `request-invalid` for what no evaluator would say.
    func checked(
        for verification: Verification
    ) throws(AssayError) -> Result<VerificationReport.Measurements, VerificationReport.FailureError> {
        switch (measurements, failure) {
        case (let measurements?, nil):
            guard let environment, 1...Self.coresMax ~= environment.cores, environment.isaFlags.count <= 1_000 else {
                throw Self.invalid("measurements come with the environment that they were taken in")
            }
            try Self.check(measurements, of: verification)
            var measured = measurements
            // What follows from the rest is not the worker's to say.
            measured.cacheable = measured.cacheability(threads: verification.settings.threads)
            return .success(measured)
        case (nil, let failure?):
            guard 1...64 ~= failure.kind.utf8.count,
                failure.kind.utf8.allSatisfy({ $0.isLowerAlphanumeric || $0 == UInt8(ascii: "-") })
            else { throw Self.invalid("the kind of a failure has 1 to 64 small letters, digits and dashes") }
            return .failure(
                .init(
                    failure.kind, Printable.escape(failure.message, limit: Self.textLengthMax),
                    remedy: failure.remedy.map { Printable.escape($0, limit: Self.textLengthMax) }))
        default: throw Self.invalid("it has exactly one of measurements and failure")
        }
    }

    private static func check(
        _ measured: VerificationReport.Measurements, of verification: Verification
    ) throws(AssayError) {
        guard measured.comparison?.baseline == verification.baseline else {
            throw invalid("the comparison is with the baseline that was asked for, or with none")
        }
        guard measured.agreement?.teacher == verification.settings.teacher else {
            throw invalid("answers are compared with the teacher that was asked for, or with none")
        }
        let slices = measured.slices ?? [:]
        let names =
            Array(measured.metrics.keys) + (measured.classes ?? []) + (measured.perClass ?? []).map(\.class)
            + slices.keys + slices.values.flatMap(\.keys) + (measured.paired.map { Array($0.metrics.keys) } ?? [])
            + (measured.pairedFailure.map { [$0] } ?? []) + (measured.fed ?? []).flatMap { [$0.input, $0.array] }
            + (measured.judged?.names ?? []) + (measured.leftOut ?? [:]).flatMap { [$0.key, $0.value] }
            + (measured.batchInvariant?.fault.map { [$0] } ?? []) + (measured.agreement?.names ?? [])
        guard names.count <= metricsMax, names.allSatisfy({ $0.utf8.count <= textLengthMax && Printable.isPlain($0) })
        else { throw invalid("the names of metrics and classes are short and printable") }
        guard let named = measured.inputsNamedBy, ["dataset", "policy"].filter(named.contains) == named,
            named.contains("policy") == (verification.settings.inputs != nil), !(measured.fed ?? []).isEmpty
        else { throw invalid("it says what was fed and who named the inputs") }
        try checkAnswers(measured, of: verification)
        let matrix = measured.confusionMatrix ?? []
        guard matrix.count == measured.classes?.count ?? 0,
            matrix.allSatisfy({ $0.count == matrix.count && $0.allSatisfy { $0 >= 0 } })
        else { throw invalid("the confusion matrix has a row and a column for each class") }
        let latencies =
            [
                measured.latency, measured.comparison?.figures.latency, measured.comparison?.figures.candidate,
                measured.agreement?.latency?.latency, measured.agreement?.latency?.candidate,
            ].compactMap(\.self) + (measured.sweep ?? []).map(\.latency)
        let ratios =
            Array((measured.comparison?.figures.ratios ?? [:]).values)
            + Array((measured.agreement?.latency?.ratios ?? [:]).values)
        guard measured.agreement?.isFinite ?? true else { throw invalid("figures of agreement are numbers") }
        let figures =
            latencies.flatMap { Self.figures(of: $0) } + ratios.flatMap { [$0.ratio] + $0.sessions }
            + [measured.loadMicroseconds, measured.firstRunMicroseconds]
        guard measured.sampleCount >= 1, latencies.allSatisfy({ $0.runs >= 1 }), measured.peakMemoryBytes >= 0,
            figures.allSatisfy({ $0.isFinite && $0 >= 0 })
        else { throw invalid("counts and times are not negative") }
    }

    /// What was asked for is what was judged, and differences are some.
    private static func checkAnswers(
        _ measured: VerificationReport.Measurements, of verification: Verification
    ) throws(AssayError) {
        if let output = verification.settings.output, let judged = measured.judged, judged.labels != nil,
            judged.predictions != [output]
        {
            throw invalid("it judges the output that was asked for")
        }
        if let scores = verification.settings.scores, let kind = measured.judged?.scoreKind, kind != scores {
            throw invalid("it takes scores for what they were said to be")
        }
        let differences = [measured.batchInvariant?.maxDifference, measured.deterministic?.maxDifference]
        guard differences.allSatisfy({ $0.map { $0.isFinite && $0 >= 0 } ?? true }),
            (measured.batchInvariant?.samples ?? 1) >= 1, (measured.deterministic?.runs ?? 1) >= 0,
            (measured.judged?.argmaxDiffers ?? 0) >= 0
        else { throw invalid("differences are numbers from 0 on") }
    }

    private static func figures(of latency: VerificationReport.Latency) -> [Double] {
        [
            latency.p50Microseconds, latency.p90Microseconds, latency.p95Microseconds, latency.p99Microseconds,
            latency.meanMicroseconds, latency.tailMicroseconds, latency.maxMicroseconds, latency.throughput,
        ].compactMap(\.self) + (latency.quantilesMicroseconds ?? [])
    }

    private static func invalid(_ reason: String) -> AssayError {
        AssayError(.requestInvalid, "this is no result of a verification", reason: reason)
    }
}
