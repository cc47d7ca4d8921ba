import EvaluationProtocol
import ONNXRuntime

/// The dataset's arrays as the inputs of one model: matched by name, checked against the graph, cut into batches.
struct ModelInputs {
    private struct Input {
        let name: String
        let array: DatasetArray
        /// Whether it goes in whole with every batch, not being of the samples.
        var isConstant = false
        /// The axis along which the samples lie.
        var axis = 0
    }

    /// Samples in the dataset, at least 1; a set of recorded inputs is one sample.
    let rows: Int
    /// The batch size that the graph fixes; nil if it leaves the first dimension open. 1 for a set of recorded inputs.
    let fixedBatchSize: Int?
    private let library: OnnxLibrary
    private let inputs: [Input]
    private let rule: InputRule?
    /// Whether all arrays are one sample together, none of them to be cut.
    private let isWhole: Bool

    /// Matches the inputs of a session with arrays of samples, those that may be fed.
    init(library: OnnxLibrary, session: OnnxSession, data: LabelledData) throws(EvaluationFailure) {
        let dataset = data.arrays
        let rows = data.rows
        self.library = library
        self.rows = rows
        rule = data.rule
        isWhole = false
        var inputs: [Input] = []
        var fixed: Set<Int> = []
        try data.rule.checkAxes(arrays: dataset.names, outputs: session.outputs.map(\.name))
        for description in session.inputs {
            try data.rule.check(description.name)
            guard let array = dataset.arrays[ByteName(description.name)] else {
                throw EvaluationFailure(
                    .shapeMismatch,
                    "the model's input \(MessageText.quote(description.name)) has no array in the dataset, "
                        + "which has \(MessageText.list(dataset.names))")
            }
            let declared = try Self.shape(of: description, holding: array, in: session)
            let named = data.rule.batchAxis(of: description.name)
            if named == nil, Self.isConstant(declared, array, rows: rows) {
                inputs.append(Input(name: description.name, array: array, isConstant: true))
                continue
            }
            let axis = named ?? 0
            if let batch = try Self.batch(of: description, declared, array, axis: axis, rows: rows) {
                fixed.insert(batch)
            }
            inputs.append(Input(name: description.name, array: array, axis: axis))
        }
        guard inputs.contains(where: { !$0.isConstant }) else {
            throw EvaluationFailure(
                .shapeMismatch,
                inputs.isEmpty ? "the model has no inputs" : "no input of the model takes a row for each label",
                remedy: "save recorded sets (test_data_set_N) for a model that takes no samples")
        }
        guard fixed.count <= 1 else {
            throw EvaluationFailure(
                .shapeMismatch, "the model's inputs have different first dimensions: \(fixed.sorted())")
        }
        self.inputs = inputs
        fixedBatchSize = fixed.first
    }

    /// Matches the inputs of a session with one set of recorded arrays, in the order of the inputs.
    init(library: OnnxLibrary, session: OnnxSession, set: RecordedSet) throws(EvaluationFailure) {
        self.library = library
        rows = 1
        rule = nil
        fixedBatchSize = 1
        isWhole = true
        let arrays = try set.inputs(named: session.inputs.map(\.name))
        var inputs: [Input] = []
        for (description, array) in zip(session.inputs, arrays) {
            let declared = try Self.shape(of: description, holding: array, in: session)
            guard declared.count == array.shape.count,
                zip(declared, array.shape).allSatisfy({ $0 == nil || $0 == $1 })
            else { throw Self.mismatch(description, declared, array, "all dimensions must be equal") }
            inputs.append(Input(name: description.name, array: array))
        }
        self.inputs = inputs
    }

    /// The batch size that an input fixes; nil if it leaves it open. Its array must have the samples along an axis, and
    /// what the input takes along all others.
    private static func batch(
        of input: OnnxValueDescription, _ declared: [Int?], _ array: DatasetArray, axis: Int, rows: Int
    ) throws(EvaluationFailure) -> Int? {
        let place = axis == 0 ? "the first dimension" : "dimension \(axis), counted from 0,"
        guard declared.indices.contains(axis), declared[axis] != 0, declared.count == array.shape.count,
            zip(declared, array.shape).enumerated().allSatisfy({ $0 == axis || $1.0 == nil || $1.0 == $1.1 })
        else { throw mismatch(input, declared, array, "all but \(place) must be equal") }
        guard array.shape[axis] == rows else {
            throw EvaluationFailure(
                .invalidDataset,
                "the dataset's array \(MessageText.quote(array.name)) has \(array.shape[axis]) rows "
                    + "and there are \(rows) labels",
                remedy: axis != 0 || !array.shape.contains(rows)
                    ? nil : "tell the axis of the samples as batch_axes in dataset.json")
        }
        return declared[axis]
    }

    /// The declared shape of an input, if it takes elements of the array's type.
    private static func shape(
        of input: OnnxValueDescription, holding array: DatasetArray, in session: OnnxSession
    ) throws(EvaluationFailure) -> [Int?] {
        let subject = "the model's input \(MessageText.quote(input.name))"
        guard case .tensor(let elementType, let shape) = input.kind, elementType.isFedFromArrays else {
            throw EvaluationFailure(.unsupportedType, "\(subject) is no tensor of real numbers, bools or strings")
        }
        guard elementType == array.elementType else {
            throw EvaluationFailure(
                .unsupportedType,
                "\(subject) takes \(elementType.name), the dataset's array holds \(array.elementType.name)",
                remedy: "save it with .astype(numpy.\(elementType.numpyName))")
        }
        return session.inputsOfAnyShape.contains(input.name) ? array.shape.map { _ in nil } : shape
    }

    /// Whether an array is no list of samples but exactly what an input takes: a single number, or a list of another
    /// length than there are samples, of a shape that the graph fixes whole.
    private static func isConstant(_ declared: [Int?], _ array: DatasetArray, rows: Int) -> Bool {
        declared == array.shape.map(Optional.some) && array.rowCount != rows
    }

    private static func mismatch(
        _ input: OnnxValueDescription, _ shape: [Int?], _ array: DatasetArray, _ rule: String
    ) -> EvaluationFailure {
        EvaluationFailure(
            .shapeMismatch,
            "the model's input \(MessageText.quote(input.name)) has shape \(describe(shape)), the dataset's array has "
                + "\(describe(array.shape)); \(rule)",
            remedy: shape.count == array.shape.count + 1 && shape.last == 1
                ? "save it with .reshape(-1, 1)" : "save the array in the shape that the model takes, samples first")
    }

    private static func describe(_ shape: [Int?]) -> String {
        "[\(shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", "))]"
    }

    /// The axis along which an output has its answers to the samples.
    func batchAxis(ofOutput name: String) -> Int { rule?.batchAxis(of: name) ?? 0 }

    /// What goes into the model, and where it came from.
    var fed: [EvaluationResult.FedInput] {
        inputs.enumerated().map { position, input in
            .init(input: input.name, array: input.array.name.isEmpty ? "input_\(position)" : input.array.name)
        }
    }

    /// The inputs of a run over some of the samples.
    func tensors(rows range: Range<Int>) throws(EvaluationFailure) -> [(name: String, tensor: OnnxTensor)] {
        var tensors: [(name: String, tensor: OnnxTensor)] = []
        for input in inputs {
            do {
                let tensor =
                    try input.axis == 0
                    ? tensor(input.array, isConstant: input.isConstant, rows: range)
                    : tensor(input.array, gathering: Array(range), along: input.axis)
                tensors.append((name: input.name, tensor: tensor))
            } catch {
                throw EvaluationFailure.running(error)
            }
        }
        return tensors
    }

    private func tensor(
        _ array: DatasetArray, isConstant: Bool, rows range: Range<Int>
    ) throws(OnnxError) -> OnnxTensor {
        let isWhole = self.isWhole || isConstant
        let range = isWhole ? 0..<1 : range
        let rows = isWhole ? 1 : self.rows
        let shape = isWhole ? array.shape : [range.count] + array.shape.dropFirst()
        switch array.content {
        case .numbers(let memory):
            return try OnnxTensor(
                library: library, memory: memory, byteOffset: range.lowerBound * (memory.byteCount / rows),
                elementType: array.elementType, shape: shape)
        case .strings(let strings):
            let width = strings.count / rows
            return try OnnxTensor(
                library: library, strings: strings[range.lowerBound * width..<range.upperBound * width], shape: shape)
        }
    }

    /// The inputs of a run over samples in any order.
    func tensors(gathering samples: [Int]) throws(EvaluationFailure) -> [(name: String, tensor: OnnxTensor)] {
        var tensors: [(name: String, tensor: OnnxTensor)] = []
        for input in inputs {
            do {
                tensors.append(
                    (
                        name: input.name,
                        tensor: try input.isConstant
                            ? tensor(input.array, isConstant: true, rows: 0..<1)
                            : tensor(input.array, gathering: samples, along: input.axis)
                    ))
            } catch {
                throw EvaluationFailure.running(error)
            }
        }
        return tensors
    }

    /// The parts of some samples, in the order of the array's axes.
    private func tensor(
        _ array: DatasetArray, gathering samples: [Int], along axis: Int
    ) throws(OnnxError) -> OnnxTensor {
        var shape = array.shape
        shape[axis] = samples.count
        // What lies before the axis repeats; each repetition has a part of every sample.
        let repetitions = array.shape[..<axis].reduce(1, *)
        func starts(_ width: Int) -> [Int] {
            (0..<repetitions).flatMap { repetition in samples.map { (repetition * rows + $0) * width } }
        }
        guard repetitions > 0 else {
            return try OnnxTensor(
                library: library, memory: TensorMemory(byteCount: 0), byteOffset: 0, elementType: array.elementType,
                shape: shape)
        }
        switch array.content {
        case .numbers(let memory):
            let width = memory.byteCount / rows / repetitions
            let copy = try TensorMemory(byteCount: repetitions * samples.count * width)
            memory.withBytes { source in
                copy.withMutableBytes { target in
                    for (place, start) in starts(width).enumerated() where width > 0 {
                        target[place * width..<(place + 1) * width].copyBytes(from: source[start..<start + width])
                    }
                }
            }
            return try OnnxTensor(
                library: library, memory: copy, byteOffset: 0, elementType: array.elementType, shape: shape)
        case .strings(let strings):
            let width = strings.count / rows / repetitions
            let parts = starts(width).flatMap { strings[$0..<$0 + width] }
            return try OnnxTensor(library: library, strings: parts[...], shape: shape)
        }
    }

    /// The batch size that is really run when `wanted` is asked for; the dataset must have so many samples.
    func batchSize(wanted: Int) throws(EvaluationFailure) -> Int {
        let size = fixedBatchSize ?? wanted
        guard size <= rows else {
            throw EvaluationFailure(
                .shapeMismatch, "a batch has \(size) samples, the dataset has only \(rows)",
                remedy: "push more samples, or ask for smaller batches with --batch (policy: latency.batch) where the "
                    + "model does not fix them")
        }
        return size
    }
}

extension OnnxElementType {
    /// What numpy calls it.
    fileprivate var numpyName: String {
        switch self {
        case .string: "str_"
        case .bool: "bool_"
        default: name
        }
    }

    /// Whether the arrays of a dataset can have this type.
    fileprivate var isFedFromArrays: Bool {
        switch self {
        case .complex64, .complex128: false
        default: true
        }
    }
}
