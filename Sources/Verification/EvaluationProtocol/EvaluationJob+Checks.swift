extension EvaluationJob {
    /// How many values of k one job may ask for.
    package static let topKCountMax = 16
    package static let topKRange = 1...10_000
    private static let inputsMax = 2_000

    /// What is wrong with the values, as a sentence; nil if every one is in its range.
    package var fault: String? {
        if labelName.isEmpty { return "label_name is empty" }
        if output?.isEmpty ?? false { return "output is empty" }
        let names = (inputs.dataset ?? []) + (inputs.policy ?? [])
        guard names.count <= Self.inputsMax else { return "inputs has \(names.count) names" }
        guard topK.count <= Self.topKCountMax else {
            return "top_k has \(topK.count) values; at most \(Self.topKCountMax) are allowed"
        }
        if let fault = latency.fault { return fault }
        guard teacherMaxRatios.values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            return "a teacher_max_ratio is not above 0"
        }
        if let cpuSet = limits.cpuSet, !(1...EvaluationLimits.cpuNumberRange.count ~= cpuSet.count) {
            return "cpu_set has \(cpuSet.count) numbers"
        }
        let outside = (latency.checks + limits.checks + topK.map { RangeCheck("top_k", $0, Self.topKRange) })
            .first { !$0.range.contains($0.value) }
        return outside.map {
            "\($0.name) is \($0.value); it must be from \($0.range.lowerBound) to \($0.range.upperBound)"
        }
    }
}

/// A value of a job and where it must lie.
private struct RangeCheck {
    let name: String
    let value: Int
    let range: ClosedRange<Int>

    init(_ name: String, _ value: Int, _ range: ClosedRange<Int>) {
        self.name = name
        self.value = value
        self.range = range
    }
}

extension LatencySettings {
    fileprivate var checks: [RangeCheck] {
        [
            RangeCheck("threads", threads, Self.threadsRange),
            RangeCheck("batch_size", batchSize, Self.batchSizeRange),
            RangeCheck("warm_up_runs", warmUpRuns, Self.warmUpRunsRange),
            RangeCheck("measured_runs", measuredRuns, Self.measuredRunsRange),
            RangeCheck("budget_seconds", budgetSeconds, Self.budgetSecondsRange),
        ] + sweepBatchSizes.map { RangeCheck("sweep_batch_sizes", $0, Self.batchSizeRange) }
            + sweepThreads.map { RangeCheck("sweep_threads", $0, Self.threadsRange) }
    }

    /// What is wrong with the values that are no single whole numbers.
    fileprivate var fault: String? {
        guard sweepBatchSizes.count <= Self.sweepCountMax, sweepThreads.count <= Self.sweepCountMax else {
            return "a sweep has over \(Self.sweepCountMax) batch sizes or numbers of threads"
        }
        guard Self.confidenceRange.contains(confidence) else {
            return "confidence is \(confidence); it must be from \(Self.confidenceRange.lowerBound) "
                + "to \(Self.confidenceRange.upperBound)"
        }
        guard maxRatios.values.allSatisfy({ $0.isFinite && $0 > 0 }) else { return "a max_ratio is not above 0" }
        return nil
    }
}

extension EvaluationLimits {
    fileprivate var checks: [RangeCheck] {
        [
            RangeCheck("cpu_seconds", cpuSeconds, Self.cpuSecondsRange),
            RangeCheck("memory_bytes", memoryBytes, Self.memoryBytesRange),
            RangeCheck("file_bytes", fileBytes, Self.fileBytesRange),
            RangeCheck("open_files", openFiles, Self.openFilesRange),
            RangeCheck("processes", processes, Self.processesRange),
        ] + (cpuSet ?? []).map { RangeCheck("cpu_set", $0, Self.cpuNumberRange) }
    }
}
