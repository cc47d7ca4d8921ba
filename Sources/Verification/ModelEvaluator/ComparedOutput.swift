import EvaluationProtocol
import ONNXRuntime

/// What a model answers for a batch at one output.
enum BatchAnswer {
    case tensor(OnnxOutput)
    /// One map from classes to scores per sample.
    case maps([OnnxMap])

    /// What a run answers at a position of its outputs; `name` names it to a person.
    init(_ run: OnnxRun, at index: Int, _ output: OnnxValueDescription) throws(EvaluationFailure) {
        do {
            self = output.kind == .sequence ? .maps(try run.maps(at: index)) : .tensor(try run.output(at: index))
        } catch {
            let failure = EvaluationFailure.running(error)
            throw EvaluationFailure(
                failure.kind, "output \(MessageText.quote(output.name)): \(failure.message)", remedy: failure.remedy)
        }
    }
}

/// What one answer for a batch can be taken for, by its type and shape.
enum OutputForm: Equatable {
    /// A class per sample.
    case list
    /// So many scores per sample.
    case matrix(Int)
    /// A score per sample, which tells two classes apart.
    case single
    /// A map from classes to scores per sample.
    case maps
    /// The classes that scores are of, once for all samples.
    case classLabels
    case other

    /// The output that skl2onnx answers the classes themselves at.
    private static let classLabelsName = "class_labels"

    /// Dimensions of 1 behind the samples are none: `[n, classes, 1, 1]` are scores.
    init(_ answer: BatchAnswer, name: String, samples: Int) {
        guard case .tensor(let output) = answer else {
            if case .maps(let maps) = answer, maps.count == samples { self = .maps } else { self = .other }
            return
        }
        let width = output.shape.dropFirst().filter { $0 != 1 }
        let isPerSample = output.shape.first == samples && width.count <= 1
        switch output.elements {
        case .integers, .strings:
            let isNamed = ByteName(name) == ByteName(Self.classLabelsName)
            if isNamed, output.shape.count == 1, output.elements.count > 1 {
                self = .classLabels
            } else {
                self = isPerSample && width.isEmpty ? .list : .other
            }
        case .floatingPoint:
            self = isPerSample ? width.first.map { $0 > 1 ? .matrix($0) : .other } ?? .single : .other
        }
    }
}

/// The outputs of a model that are compared with the labels, and as what.
struct OutputRoles {
    /// An output by its position among the session's.
    struct Output: Equatable {
        let index: Int
        let name: String
        let form: OutputForm
    }

    /// What the predictions are taken from.
    let predictions: Output
    /// The model's own list of classes: predictions come from it unless another output was chosen.
    let list: Output?
    let scores: Output?
    let classLabels: Output?
    /// Why there are no scores; nil if there are some.
    var scoresFault: String?

    var isListJudged: Bool { predictions == list }

    /// What a run is asked for.
    var outputs: [Output] { [list, scores, classLabels].compactMap(\.self) + (isValue ? [predictions] : []) }

    private var isValue: Bool { list == nil && scores == nil }
}

extension OutputRoles {
    /// The output of a regression: the one tensor of as many numbers as there are labels.
    static func ofValues(_ probe: OutputProbe, columns: Int, chosen: String?) throws(EvaluationFailure) -> OutputRoles {
        let tensors = probe.answers.filter { if case .tensor(let output) = $0.answer { output.isReal } else { false } }
        let fitting = tensors.filter { probe.isRow($0.answer, width: columns) }
        func roles(_ output: OutputProbe.Answer) -> OutputRoles {
            OutputRoles(
                predictions: .init(index: output.index, name: output.name, form: .other), list: nil, scores: nil,
                classLabels: nil)
        }
        if let chosen {
            let output = try probe.named(chosen)
            guard fitting.contains(where: { $0.index == output.index }) else { throw probe.unfit([output], columns) }
            return roles(output)
        }
        guard let first = fitting.first else {
            throw tensors.isEmpty
                ? EvaluationFailure(
                    .unsupportedType,
                    "none of the model's outputs (\(MessageText.list(probe.names))) can be compared with the labels; a "
                        + "tensor of floating point is needed",
                    remedy:
                        "save the labels of a classification as int64 or strings, or export the model with an output "
                        + "of floating point")
                : probe.unfit(tensors, columns)
        }
        guard fitting.count == 1 else { throw probe.ambiguous(fitting.map(\.name), "values") }
        return roles(first)
    }

    /// The outputs of a classification.
    static func ofClasses(
        _ probe: OutputProbe, _ facts: ClassFacts, chosen: String?
    ) throws(EvaluationFailure) -> OutputRoles {
        let all = probe.answers.map { Output(index: $0.index, name: $0.name, form: $0.form) }
        let lists = all.filter { $0.form == .list }
        let classLabels = all.first { $0.form == .classLabels }
        let scores = facts.scores(among: all, classLabels: probe.classLabels)
        if let chosen {
            let output = try probe.named(chosen)
            let picked = Output(index: output.index, name: output.name, form: output.form)
            switch picked.form {
            case .list:
                return OutputRoles(
                    predictions: picked, list: picked, scores: scores.count == 1 ? scores[0] : nil,
                    classLabels: classLabels, scoresFault: Self.fault(scores))
            case .matrix, .single, .maps:
                return OutputRoles(
                    predictions: picked, list: lists.count == 1 ? lists[0] : nil, scores: picked,
                    classLabels: classLabels)
            case .classLabels, .other: throw probe.unfit(output)
            }
        }
        guard lists.count <= 1 else { throw probe.ambiguous(lists.map(\.name), "lists of classes") }
        if let list = lists.first {
            return OutputRoles(
                predictions: list, list: list, scores: scores.count == 1 ? scores[0] : nil, classLabels: classLabels,
                scoresFault: Self.fault(scores))
        }
        guard let first = scores.first else { throw probe.unfit(facts) }
        guard scores.count == 1 else { throw probe.ambiguous(scores.map(\.name), "scores") }
        return OutputRoles(predictions: first, list: nil, scores: first, classLabels: classLabels)
    }

    private static func fault(_ scores: [Output]) -> String? {
        switch scores.count {
        case 0: "the model answers classes alone, and no scores"
        case 1: nil
        default: "the outputs \(MessageText.list(scores.map(\.name))) could all be the scores; export one of them"
        }
    }
}

extension OnnxOutput {
    fileprivate var isReal: Bool { if case .floatingPoint = elements { true } else { false } }
}
