import EvaluationProtocol
import ONNXModel
import ONNXRuntime

/// Inputs and the outputs that a model gave for them once: one folder `test_data_set_N`.
struct RecordedSet {
    /// `test_data_set_0`
    let name: String
    private let inputs: [DatasetArray]
    private let outputs: [RecordedOutput]

    init(name: String, inputs: [DatasetArray], outputs: [RecordedOutput]) {
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
    }

    /// One array per input of a model, in the order of the inputs.
    func inputs(named names: [String]) throws(EvaluationFailure) -> [DatasetArray] {
        try Self.arrange(
            inputs, \.name, by: names, "\(name) has \(inputs.count) inputs and the model \(names.count)")
    }

    /// One value per output of a model, in the order of the outputs.
    func outputs(named names: [String]) throws(EvaluationFailure) -> [RecordedOutput] {
        try Self.arrange(
            outputs, \.name, by: names, "\(name) has \(outputs.count) outputs and the model \(names.count)")
    }

    /// By the values' own names if all of them are names of the model's, or else by their numbers.
    private static func arrange<Value>(
        _ values: [Value], _ name: (Value) -> String, by names: [String], _ mismatch: String
    ) throws(EvaluationFailure) -> [Value] {
        guard values.count == names.count else { throw EvaluationFailure(.shapeMismatch, mismatch) }
        let named = Dictionary(values.map { (ByteName(name($0)), $0) }, uniquingKeysWith: { first, _ in first })
        let arranged = names.compactMap { named[ByteName($0)] }
        return arranged.count == names.count ? arranged : values
    }
}

/// What a model gave for one output.
enum RecordedOutput {
    case array(DatasetArray)
    case maps(RecordedMaps)

    var name: String {
        switch self {
        case .array(let array): array.name
        case .maps(let maps): maps.name
        }
    }
}

/// The recorded sets of a folder, as the ONNX project lays out its test data.
///
/// Source: onnx, docs/OnnxBackendTest.md: `test_data_set_N/input_I.pb` and `output_I.pb`, each one a TensorProto; of
/// outputs that are sequences a SequenceProto.
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
            let inputs = try Self.values("input", in: "\(path)/\(name)") { file throws(EvaluationFailure) in
                try file.array(bytesLeft: &bytesLeft)
            }
            let outputs = try Self.values("output", in: "\(path)/\(name)") { file throws(EvaluationFailure) in
                try file.output(bytesLeft: &bytesLeft)
            }
            sets.append(RecordedSet(name: name, inputs: inputs, outputs: outputs))
        }
        guard !sets.isEmpty else {
            throw EvaluationFailure(.invalidDataset, "the dataset has no folder test_data_set_0")
        }
        self.sets = sets
    }

    /// What is in the files from number 0 on, up to the first number that is not there.
    private static func values<Value>(
        _ kind: String, in folder: String, _ read: (RecordedFile) throws(EvaluationFailure) -> Value
    ) throws(EvaluationFailure) -> [Value] {
        var values: [Value] = []
        for number in 0..<filesMax {
            let file = RecordedFile(path: "\(folder)/\(kind)_\(number).pb")
            guard SystemFiles.exists(file.path) else { break }
            values.append(try read(file))
        }
        return values
    }
}

/// One file of a set.
private struct RecordedFile {
    let path: String

    /// The file and its set, as a person knows it.
    private var label: String { path.split(separator: "/").suffix(2).joined(separator: "/") }

    /// The tensor that it holds; its bytes are taken off what is left.
    func array(bytesLeft: inout Int) throws(EvaluationFailure) -> DatasetArray {
        let limit = bytesLeft
        let tensor = try read { try ONNXTensor($0, bytesMax: limit) }
        let array = try array(tensor)
        bytesLeft -= array.memoryBytes
        return array
    }

    /// The tensor, or the sequence of maps, that it holds. No sequence of maps is a tensor: it would have strings
    /// in a type that is none of strings.
    func output(bytesLeft: inout Int) throws(EvaluationFailure) -> RecordedOutput {
        do {
            return .array(try array(bytesLeft: &bytesLeft))
        } catch {
            guard error.kind == .invalidDataset, let sequence = try sequence(bytesMax: bytesLeft) else { throw error }
            guard let maps = RecordedMaps(sequence) else {
                throw EvaluationFailure(
                    .invalidDataset,
                    "the dataset's \(label) is no sequence of maps with the same keys and numbers for each")
            }
            bytesLeft -= maps.memoryBytes
            return .maps(maps)
        }
    }

    /// Nil if the file is no sequence of maps; throws `resource-limit` if it is too large a one.
    private func sequence(bytesMax: Int) throws(EvaluationFailure) -> ONNXMapSequence? {
        do {
            return try read { try ONNXMapSequence($0, bytesMax: bytesMax) }
        } catch {
            guard error.kind == .resourceLimit else { return nil }
            throw error
        }
    }

    private func read<Value>(_ body: (FileSource) throws -> Value) throws(EvaluationFailure) -> Value {
        do {
            return try body(FileSource(path: path))
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
    }

    private func array(_ tensor: ONNXTensor) throws(EvaluationFailure) -> DatasetArray {
        guard let elementType = OnnxElementType(rawValue: tensor.elementType) else {
            throw EvaluationFailure(.unsupportedType, "the dataset's \(label) is of a type that is not handled")
        }
        return DatasetArray(
            name: tensor.name, elementType: elementType, shape: tensor.shape,
            content: try content(of: tensor, elementType))
    }

    private func content(
        of tensor: ONNXTensor, _ elementType: OnnxElementType
    ) throws(EvaluationFailure) -> DatasetArray.Content {
        switch tensor.content {
        case .strings(let strings): return .strings(strings)
        case .bytes(let bytes):
            do {
                let memory = try TensorMemory(byteCount: bytes.count)
                memory.withMutableBytes { $0.copyBytes(from: bytes) }
                if elementType == .bool { memory.normaliseBools() }
                return .numbers(memory)
            } catch {
                throw EvaluationFailure.running(error)
            }
        }
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
}
