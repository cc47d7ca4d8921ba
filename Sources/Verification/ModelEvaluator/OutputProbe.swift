import EvaluationProtocol
import ONNXRuntime

/// What every output of a model answers for a first batch: roles are given by what is answered, not by what a graph
/// declares, which may leave everything open.
struct OutputProbe {
    struct Answer {
        let index: Int
        let name: String
        let answer: BatchAnswer
        let form: OutputForm
    }

    let samples: Int
    /// Every output of the model, also those that cannot be read.
    let names: [String]
    let answers: [Answer]
    /// Why outputs could not be read, by their names.
    private let faults: [ByteName: EvaluationFailure]

    /// Takes the answers of a run that was asked for all outputs.
    init(_ run: OnnxRun, of session: OnnxSession, samples: Int) {
        var answers: [Answer] = []
        var faults: [ByteName: EvaluationFailure] = [:]
        for (index, output) in session.outputs.enumerated() {
            guard output.kind != .other else {
                faults[ByteName(output.name)] = EvaluationFailure(
                    .unsupportedType, "the output \(MessageText.quote(output.name)) is neither a tensor nor a sequence")
                continue
            }
            do throws(EvaluationFailure) {
                let answer = try BatchAnswer(run, at: index, output)
                let form = OutputForm(answer, name: output.name, samples: samples)
                answers.append(Answer(index: index, name: output.name, answer: answer, form: form))
            } catch {
                faults[ByteName(output.name)] = error
            }
        }
        self.samples = samples
        self.answers = answers
        self.faults = faults
        names = session.outputs.map(\.name)
    }

    /// The classes that the model itself answers, once for all samples.
    var classLabels: [ClassLabel]? {
        answers.lazy.filter { $0.form == .classLabels }.compactMap { answer in
            if case .tensor(let output) = answer.answer { ClassLabel.list(output.elements) } else { nil }
        }.first
    }

    /// The output that was asked for.
    func named(_ name: String) throws(EvaluationFailure) -> Answer {
        if let found = answers.first(where: { ByteName($0.name) == ByteName(name) }) { return found }
        if let fault = faults[ByteName(name)] { throw fault }
        throw EvaluationFailure(
            .shapeMismatch, "the model has no output \(MessageText.quote(name)); it has \(MessageText.list(names))",
            remedy: "choose one of them with --output, or as the policy's output")
    }

    /// Whether an answer has `width` numbers for each sample.
    func isRow(_ answer: BatchAnswer, width: Int) -> Bool {
        guard case .tensor(let output) = answer else { return false }
        return output.shape.first == samples && output.elements.count == samples * width
    }

    // MARK: What does not fit

    func ambiguous(_ names: [String], _ what: String) -> EvaluationFailure {
        EvaluationFailure(
            .shapeMismatch,
            "the model's outputs \(MessageText.list(names)) could all be the \(what) that are judged",
            remedy: "choose one of them with --output, or as the policy's output")
    }

    /// Values that are not as many as the labels.
    func unfit(_ outputs: [Answer], _ columns: Int) -> EvaluationFailure {
        let shape = columns == 1 ? "[\(samples)]" : "[\(samples), \(columns)]"
        let text = outputs.map { "\(MessageText.quote($0.name)) has shape \($0.shape)" }.prefix(5)
            .joined(separator: ", ")
        return EvaluationFailure(
            .shapeMismatch,
            "the labels are floating point, so this is a regression: the model's output \(text); \(shape) is expected",
            remedy:
                "save the labels of a classification as int64 or strings; those of a regression with the shape that "
                + "the model answers")
    }

    /// A chosen output that is neither classes nor scores.
    func unfit(_ output: Answer) -> EvaluationFailure {
        EvaluationFailure(
            .shapeMismatch,
            "the output \(MessageText.quote(output.name)) has shape \(output.shape) for \(samples) sample(s), which is "
                + "neither a class nor a row of scores for each",
            remedy: "choose another output with --output, or as the policy's output")
    }

    /// No output that could be compared with classes.
    func unfit(_ facts: ClassFacts) -> EvaluationFailure {
        // One output alone says best why it is none.
        if names.count == 1, let fault = faults.values.first { return fault }
        let shapes = answers.prefix(5).map { "\(MessageText.quote($0.name)) \($0.shape)" }.joined(separator: ", ")
        let isSingle = answers.contains { $0.form == .single }
        return EvaluationFailure(
            answers.isEmpty ? .unsupportedType : .shapeMismatch,
            "none of the model's outputs (\(MessageText.list(names))) can be compared with the labels of "
                + "\(facts.labels.count) class(es)"
                + (answers.isEmpty ? "" : ": for \(samples) sample(s) they have \(shapes)")
                + "; one class [\(samples)], scores [\(samples), classes] or a map for each sample is needed",
            remedy: isSingle && facts.labels.count > 2
                ? "one number per sample tells two classes apart; cast classes to int64, and save the labels of a "
                    + "regression as float64"
                : "export the model with scores or classes for each sample, or choose the output with --output; where "
                    + "the data has a class more than there are scores, name those of the scores in an array 'classes'")
    }
}

extension OutputProbe.Answer {
    /// As a person reads it.
    var shape: String {
        switch answer {
        case .tensor(let output): "\(output.shape)"
        case .maps(let maps): "\(maps.count) map(s)"
        }
    }
}
