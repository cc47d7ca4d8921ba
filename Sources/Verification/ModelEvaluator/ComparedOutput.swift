import EvaluationProtocol
import ONNXRuntime

/// The output of a model that is compared with the labels.
struct ComparedOutput {
    let name: String
    let isSequence: Bool

    /// What a run that was asked for this output alone answers.
    func answer(of run: OnnxRun) throws(EvaluationFailure) -> BatchAnswer {
        do {
            return isSequence ? .maps(try run.maps(at: 0)) : .tensor(try run.output(at: 0))
        } catch {
            let failure = EvaluationFailure.running(error)
            throw EvaluationFailure(failure.kind, "output \(MessageText.quote(name)): \(failure.message)")
        }
    }
}

extension LabelledData {
    /// The output that is compared with the labels.
    ///
    /// For classes it is the first matrix of scores, or else the first sequence, which classifiers of scikit-learn
    /// answer maps in, or else the first list of classes, or of probabilities; for values the first tensor of floating
    /// point. A tensor whose number of dimensions the graph leaves open counts as fitting.
    func output(of session: OnnxSession) throws(EvaluationFailure) -> ComparedOutput {
        let outputs = session.outputs
        let found: OnnxValueDescription?
        switch labels {
        case .values: found = outputs.first { $0.isTensor(of: OnnxElementType.numbers, ranks: nil) }
        case .classes(let classes):
            let isNumbered = classes.allSatisfy { if case .number = $0 { true } else { false } }
            let matrix = outputs.first { $0.isTensor(of: OnnxElementType.numbers, ranks: [0, 2]) }
            // The columns of a matrix have no names of their own.
            let areColumnsNamed = isNumbered || columns != nil
            found =
                (areColumnsNamed ? matrix : nil) ?? outputs.first { $0.kind == .sequence }
                ?? outputs.first {
                    $0.isTensor(of: isNumbered ? OnnxElementType.wholeNumbers : [.string], ranks: [0, 1])
                }
                ?? outputs.first { areColumnsNamed && $0.isTensor(of: OnnxElementType.numbers, ranks: [1]) }
        }
        guard let found else {
            throw EvaluationFailure(
                .unsupportedType,
                "none of the model's outputs (\(MessageText.list(outputs.map(\.name)))) can be compared with the "
                    + "labels; \(wanted) is needed")
        }
        return ComparedOutput(name: found.name, isSequence: found.kind == .sequence)
    }

    private var wanted: String {
        switch labels {
        case .classes:
            "a tensor of floating point [batch, classes], a sequence of maps from classes to scores, a list of classes "
                + "[batch], or one of probabilities of the second of two; columns of scores are the classes 0, 1, 2 … "
                + "unless an array '\(Self.classesName)' names them"
        case .values: "a tensor of floating point"
        }
    }
}

extension OnnxElementType {
    fileprivate static let numbers: [OnnxElementType] = [.float32, .float64, .float16, .bfloat16]
    fileprivate static let wholeNumbers: [OnnxElementType] = [
        .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool,
    ]
}

extension OnnxValueDescription {
    fileprivate func isTensor(of types: [OnnxElementType], ranks: [Int]?) -> Bool {
        guard case .tensor(let elementType, let shape) = kind else { return false }
        return types.contains(elementType) && (ranks?.contains(shape.count) ?? true)
    }
}
