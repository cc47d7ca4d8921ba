import EvaluationProtocol
import ONNXRuntime

/// What a model answers for one sample at one output, wherever in a batch the sample was.
private enum RowAnswer {
    case numbers([Double])
    case integers([Int])
    case texts([String])
    case map(OnnxMap)

    /// The answers to all samples of a run; nil where they are not one for each.
    ///
    /// `axis` is that of the samples.
    static func rows(_ answer: BatchAnswer, samples: Int, along axis: Int = 0) -> [RowAnswer]? {
        switch answer {
        case .maps(let maps): return maps.count == samples ? maps.map(RowAnswer.map) : nil
        case .tensor(let output):
            guard output.shape.indices.contains(axis), output.shape[axis] == samples, samples > 0 else { return nil }
            let repetitions = output.shape[..<axis].reduce(1, *)
            let width = repetitions == 0 ? 0 : output.elements.count / samples / repetitions
            return (0..<samples).map { row in
                let ranges = (0..<repetitions).map { repetition in
                    let start = (repetition * samples + row) * width
                    return start..<start + width
                }
                return switch output.elements {
                case .floatingPoint(let values): .numbers(ranges.flatMap { values[$0] })
                case .integers(let values): .integers(ranges.flatMap { values[$0] })
                case .strings(let values): .texts(ranges.flatMap { values[$0] })
                }
            }
        }
    }

    var elementCount: Int {
        switch self {
        case .numbers(let values): values.count
        case .integers(let values): values.count
        case .texts(let values): values.count
        case .map(let map): map.values.count
        }
    }

    /// Whether two answers are the same bit for bit, and how far they are apart; nil where that is no number.
    func difference(from other: RowAnswer) -> (isExact: Bool, size: Double?) {
        switch (self, other) {
        case (.numbers(let left), .numbers(let right)): return Self.difference(left, right)
        case (.integers(let left), .integers(let right)):
            let sizes = zip(left, right).map { abs(Double($0) - Double($1)) }
            return (left == right, left.count == right.count ? sizes.max() ?? 0 : nil)
        case (.texts(let left), .texts(let right)):
            let isSame = left.map { ByteName($0) } == right.map { ByteName($0) }
            return (isSame, isSame ? 0 : left.count == right.count ? 1 : nil)
        case (.map(let left), .map(let right)):
            return left.keys == right.keys ? Self.difference(left.values, right.values) : (false, nil)
        default: return (false, nil)
        }
    }

    private static func difference(_ left: [Double], _ right: [Double]) -> (isExact: Bool, size: Double?) {
        guard left.count == right.count else { return (false, nil) }
        var isExact = true
        var size = 0.0
        for (left, right) in zip(left, right) where left.bitPattern != right.bitPattern {
            isExact = false
            let gap = abs(left - right)
            guard gap.isFinite else { return (false, nil) }
            size = max(size, gap)
        }
        return (isExact, size)
    }
}

/// Some samples of the dataset, run in batches of one size after the other.
private struct SampleRuns {
    let session: OnnxSession
    let inputs: ModelInputs
    /// By sample, its answer at each output.
    var answers: [Int: [RowAnswer]] = [:]
    /// What outputs answer that have no answer for each sample, by position: it must be the same in every run.
    var whole: [Int: RowAnswer] = [:]
    /// Numbers, texts and keys that are kept.
    var elementCount = 0
    /// Why they cannot be compared.
    var fault: String?

    init(session: OnnxSession, inputs: ModelInputs) {
        self.session = session
        self.inputs = inputs
    }

    /// Runs samples at once and keeps what is answered to each.
    mutating func run(_ samples: [Int]) throws(EvaluationFailure) {
        let run = OnnxRun(
            session: session, inputs: try inputs.tensors(gathering: samples), outputNames: session.outputs.map(\.name))
        try EvaluationFailure.ofRunning { () throws(OnnxError) in try run.execute() }
        var rows = [[RowAnswer]](repeating: [], count: samples.count)
        for (index, output) in session.outputs.enumerated() {
            let answer: BatchAnswer
            do {
                answer = try BatchAnswer(run, at: index, output)
            } catch {
                fault = error.message
                return
            }
            let axis = inputs.batchAxis(ofOutput: output.name)
            guard let parts = RowAnswer.rows(answer, samples: samples.count, along: axis),
                OutputForm(answer, name: output.name, samples: samples.count) != .classLabels
            else {
                fault = "the output \(MessageText.quote(output.name)) has no answer for each sample"
                if case .tensor(let tensor) = answer,
                    let part = RowAnswer.rows(.tensor(tensor.asOneRow), samples: 1)?.first,
                    whole[index].map({ $0.difference(from: part).isExact }) ?? true
                {
                    whole[index] = part
                    fault = nil
                }
                if fault != nil { return }
                continue
            }
            for (position, part) in parts.enumerated() {
                rows[position].append(part)
                elementCount += part.elementCount
            }
        }
        for (sample, answer) in zip(samples, rows) { answers[sample] = answer }
    }
}

extension AccuracyMeasurement {
    /// Samples that are run in other batches: a tenth of them, within these bounds.
    private static let comparedRange = 64...256
    private static let comparedOfSamples = 10
    /// Elements of all outputs above which no more samples are kept to be compared.
    private static let elementsMax = 1 << 23
    /// The other batch size where one sample is run at a time.
    private static let otherBatchSize = 16

    /// Whether a part of the samples gets the same answers in batches of another size and in another order; nil for
    /// recorded sets. Which samples and which order follow from the seed, so that a repetition compares the same.
    func batchInvariance(
        of answers: Answers, in session: OnnxSession
    ) throws(EvaluationFailure) -> EvaluationResult.BatchInvariance? {
        guard case .labelled(let data) = data else { return nil }
        let inputs = try ModelInputs(library: library, session: session, data: data)
        let batchSize = answers.batches.map(\.rows.count).max() ?? 1
        let part = min(Self.comparedRange.upperBound, inputs.rows / Self.comparedOfSamples)
        let wanted = min(inputs.rows, max(Self.comparedRange.lowerBound, part))
        var generator = SplitMix64(seed: job.latency.seed)
        var reference = SampleRuns(session: session, inputs: inputs)
        for batch in answers.batches.shuffled(using: &generator) where reference.answers.count < wanted {
            try reference.run(Array(batch.rows))
            if reference.fault != nil || reference.elementCount > Self.elementsMax { break }
        }
        let samples = Array(reference.answers.keys.sorted().shuffled(using: &generator).prefix(wanted))
        let others = Self.otherBatches(batchSize, inputs)
        var result = EvaluationResult.BatchInvariance(
            batch: batchSize, otherBatches: others, samples: samples.count, isExact: true, maxDifference: 0)
        func fail(_ fault: String) -> EvaluationResult.BatchInvariance {
            (result.isExact, result.maxDifference) = (false, nil)
            result.fault = MessageText.plain(fault, limit: MessageText.explanationLengthMax)
            return result
        }
        if let fault = reference.fault { return fail(fault) }
        for size in others {
            var other = SampleRuns(session: session, inputs: inputs)
            other.whole = reference.whole
            for start in stride(from: 0, to: samples.count, by: size) {
                // A fixed batch is filled up with samples from before.
                let isFixed = inputs.fixedBatchSize != nil
                let first = isFixed ? max(0, min(start, samples.count - size)) : start
                do {
                    try other.run(Array(samples[first..<min(first + size, samples.count)]))
                } catch {
                    return fail("in a batch of \(size): \(error.message)")
                }
                if let fault = other.fault { return fail("in a batch of \(size): \(fault)") }
            }
            for sample in samples {
                let pairs = zip(reference.answers[sample] ?? [], other.answers[sample] ?? [])
                for (position, pair) in pairs.enumerated() {
                    let (isExact, size) = pair.0.difference(from: pair.1)
                    guard let size else {
                        return fail("an answer to sample \(sample) differs at output \(position) by no number")
                    }
                    result.isExact = result.isExact && isExact
                    result.maxDifference = max(result.maxDifference ?? 0, size)
                }
            }
        }
        return result
    }

    /// One sample at a time and the same size in another order, or several where it was one.
    private static func otherBatches(_ batchSize: Int, _ inputs: ModelInputs) -> [Int] {
        if inputs.fixedBatchSize != nil { return [batchSize] }
        return batchSize == 1 ? [min(otherBatchSize, inputs.rows)] : [1, batchSize]
    }
}

extension OnnxOutput {
    /// The same elements as the answer to a single sample.
    fileprivate var asOneRow: OnnxOutput { OnnxOutput(shape: [1, elements.count], elements: elements) }
}
