import EvaluationProtocol
import ONNXModel
import ONNXRuntime

/// Inputs and the outputs that a model gave for them once: one folder `test_data_set_N`.
struct RecordedSet {
    /// `test_data_set_0`
    let name: String
    private let inputs: [DatasetArray]
    private let outputs: [DatasetArray]

    init(name: String, inputs: [DatasetArray], outputs: [DatasetArray]) {
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
    }

    /// One array per input of a model, in the order of the inputs.
    func inputs(named names: [String]) throws(EvaluationFailure) -> [DatasetArray] {
        try Self.arrange(inputs, by: names, "\(name) has \(inputs.count) inputs and the model \(names.count)")
    }

    /// One array per output of a model, in the order of the outputs.
    func outputs(named names: [String]) throws(EvaluationFailure) -> [DatasetArray] {
        try Self.arrange(outputs, by: names, "\(name) has \(outputs.count) outputs and the model \(names.count)")
    }

    /// By the tensors' own names if all of them are names of the model's, or else by their numbers.
    private static func arrange(
        _ arrays: [DatasetArray], by names: [String], _ mismatch: String
    ) throws(EvaluationFailure) -> [DatasetArray] {
        guard arrays.count == names.count else { throw EvaluationFailure(.shapeMismatch, mismatch) }
        let named = Dictionary(arrays.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let arranged = names.compactMap { named[$0] }
        return arranged.count == names.count ? arranged : arrays
    }
}

/// The recorded sets of a folder, as the ONNX project lays out its test data.
///
/// Source: onnx, docs/OnnxBackendTest.md: `test_data_set_N/input_I.pb` and `output_I.pb`, each one a TensorProto.
struct RecordedSets {
    static let setsMax = 1_000
    /// Inputs of a set, and outputs of it.
    static let filesMax = 100

    /// In the order of their numbers, at least one.
    let sets: [RecordedSet]

    /// Reads all sets of a folder, at most `bytesMax` bytes of data.
    ///
    /// Names are tried, not listed: the cage lets files be read and no folder.
    init(path: String, bytesMax: Int) throws(EvaluationFailure) {
        var bytesLeft = bytesMax
        var sets: [RecordedSet] = []
        for number in 0..<Self.setsMax {
            let name = "test_data_set_\(number)"
            guard SystemFiles.isFolder("\(path)/\(name)") else { continue }
            let inputs = try Self.arrays("input", in: path, of: name, bytesLeft: &bytesLeft)
            let outputs = try Self.arrays("output", in: path, of: name, bytesLeft: &bytesLeft)
            sets.append(RecordedSet(name: name, inputs: inputs, outputs: outputs))
        }
        guard !sets.isEmpty else {
            throw EvaluationFailure(.invalidDataset, "the dataset has no folder test_data_set_0")
        }
        self.sets = sets
    }

    /// The arrays of the files from number 0 on, up to the first number that is not there.
    private static func arrays(
        _ kind: String, in path: String, of set: String, bytesLeft: inout Int
    ) throws(EvaluationFailure) -> [DatasetArray] {
        var arrays: [DatasetArray] = []
        for number in 0..<filesMax {
            let label = "\(set)/\(kind)_\(number).pb"
            guard SystemFiles.exists("\(path)/\(label)") else { break }
            let array = try DatasetArray(tensorAt: "\(path)/\(label)", label: label, bytesMax: bytesLeft)
            bytesLeft -= array.memoryBytes
            arrays.append(array)
        }
        return arrays
    }
}

extension DatasetArray {
    /// Bytes that the elements take.
    fileprivate var memoryBytes: Int {
        switch content {
        case .numbers(let memory): memory.byteCount
        case .strings(let strings): strings.reduce(0) { $0 + $1.utf8.count + MemoryLayout<String>.stride }
        }
    }

    /// The array of a file that holds one TensorProto; `label` names the file to a person.
    fileprivate init(tensorAt path: String, label: String, bytesMax: Int) throws(EvaluationFailure) {
        let tensor: ONNXTensor
        do {
            tensor = try ONNXTensor(FileSource(path: path), bytesMax: bytesMax)
        } catch ONNXModelError.limitExceeded {
            throw EvaluationFailure(
                .resourceLimit, "the dataset's \(label) is larger than the memory limit leaves for data")
        } catch ONNXModelError.invalid(let reason) {
            throw EvaluationFailure(
                .invalidDataset,
                "the dataset's \(label) is no tensor that is read: \(MessageText.plain(reason, limit: 200))")
        } catch {
            throw EvaluationFailure(.invalidDataset, "the dataset's \(label) cannot be read")
        }
        guard let elementType = OnnxElementType(rawValue: tensor.elementType) else {
            throw EvaluationFailure(.unsupportedType, "the dataset's \(label) is of a type that is not handled")
        }
        name = tensor.name
        self.elementType = elementType
        shape = tensor.shape
        switch tensor.content {
        case .strings(let strings): content = .strings(strings)
        case .bytes(let bytes):
            do {
                let memory = try TensorMemory(byteCount: bytes.count)
                memory.withMutableBytes { $0.copyBytes(from: bytes) }
                if elementType == .bool { memory.normaliseBools() }
                content = .numbers(memory)
            } catch {
                throw EvaluationFailure.running(error)
            }
        }
    }
}
