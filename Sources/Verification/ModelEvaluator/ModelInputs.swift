import EvaluationProtocol
import ONNXRuntime

/// The dataset's arrays as the inputs of one model: matched by name, checked against the graph, cut into batches.
struct ModelInputs {
    private struct Input {
        let array: DatasetArray
        let rowBytes: Int
    }

    /// Samples in the dataset, at least 1.
    let rows: Int
    /// The batch size that the graph fixes; nil if it leaves the first dimension open.
    let fixedBatchSize: Int?
    private let library: OnnxLibrary
    private let inputs: [Input]

    /// Matches the inputs of a session with the arrays; `rows` is the number of labels.
    init(library: OnnxLibrary, session: OnnxSession, dataset: NpzDataset, rows: Int) throws(EvaluationFailure) {
        self.library = library
        self.rows = rows
        var inputs: [Input] = []
        var fixed: Set<Int> = []
        for description in session.inputs {
            guard let array = dataset.arrays[description.name] else {
                throw EvaluationFailure(
                    .shapeMismatch,
                    "the model's input \(MessageText.quote(description.name)) has no array in the dataset, "
                        + "which has \(MessageText.list(dataset.names))")
            }
            let declared = try Self.check(array, description)
            guard array.rowCount == rows else {
                throw EvaluationFailure(
                    .invalidDataset,
                    "the dataset's array \(MessageText.quote(array.name)) has \(array.rowCount ?? 0) rows "
                        + "and there are \(rows) labels")
            }
            if let size = declared.first ?? nil { fixed.insert(size) }
            inputs.append(Input(array: array, rowBytes: array.memory.byteCount / rows))
        }
        guard !inputs.isEmpty else { throw EvaluationFailure(.shapeMismatch, "the model has no inputs") }
        guard fixed.count <= 1 else {
            throw EvaluationFailure(
                .shapeMismatch, "the model's inputs have different first dimensions: \(fixed.sorted())")
        }
        self.inputs = inputs
        fixedBatchSize = fixed.first
    }

    /// The declared shape, if the array fits to it.
    private static func check(
        _ array: DatasetArray, _ input: OnnxValueDescription
    ) throws(EvaluationFailure) -> [Int?] {
        let subject = "the model's input \(MessageText.quote(input.name))"
        guard case .tensor(let elementType, let shape) = input.kind, elementType.isFedFromArrays else {
            throw EvaluationFailure(.unsupportedType, "\(subject) is no tensor of numbers or bools")
        }
        guard elementType == array.elementType else {
            throw EvaluationFailure(
                .unsupportedType,
                "\(subject) takes \(elementType.name), the dataset's array holds \(array.elementType.name)")
        }
        guard let first = shape.first, first != 0, shape.count == array.shape.count,
            zip(shape.dropFirst(), array.shape.dropFirst()).allSatisfy({ $0 == nil || $0 == $1 })
        else {
            throw EvaluationFailure(
                .shapeMismatch,
                "\(subject) has shape \(describe(shape)), the dataset's array has \(describe(array.shape)); "
                    + "all but the first dimension must be equal")
        }
        return shape
    }

    private static func describe(_ shape: [Int?]) -> String {
        "[\(shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", "))]"
    }

    /// The inputs of a run over some of the samples.
    func tensors(rows range: Range<Int>) throws(EvaluationFailure) -> [(name: String, tensor: OnnxTensor)] {
        var tensors: [(name: String, tensor: OnnxTensor)] = []
        for input in inputs {
            do {
                let tensor = try OnnxTensor(
                    library: library, memory: input.array.memory, byteOffset: range.lowerBound * input.rowBytes,
                    elementType: input.array.elementType, shape: [range.count] + input.array.shape.dropFirst())
                tensors.append((name: input.array.name, tensor: tensor))
            } catch {
                throw EvaluationFailure.running(error)
            }
        }
        return tensors
    }

    /// The batch size that is really run when `wanted` is asked for; the dataset must have so many samples.
    func batchSize(wanted: Int) throws(EvaluationFailure) -> Int {
        let size = fixedBatchSize ?? wanted
        guard size <= rows else {
            throw EvaluationFailure(
                .shapeMismatch, "a batch has \(size) samples, the dataset has only \(rows)")
        }
        return size
    }
}

extension OnnxElementType {
    /// Whether the arrays of a dataset can have this type.
    fileprivate var isFedFromArrays: Bool {
        switch self {
        case .string, .complex64, .complex128, .bfloat16: false
        default: true
        }
    }
}
