import Foundation

/// One line of the evaluator's standard output.
///
/// A process writes `cage` before it opens anything of the job, then any number of `progress` lines and exactly one
/// `result` or `failure`. Without a cage there is nothing but a failure.
package enum EvaluationMessage: Equatable, Sendable {
    /// What the process has confined itself with.
    case cage(EvaluationCage)
    /// `done` of `total` steps of a stage; `total` is at least 1.
    case progress(stage: EvaluationStage, done: Int, total: Int)
    case result(EvaluationResult)
    case failure(EvaluationFailure)
}

/// A part of the work that progress is told about. The set is open: a reader shows one it does not know by its name.
package struct EvaluationStage: RawRepresentable, Hashable, Codable, Sendable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package static let loading = EvaluationStage(rawValue: "loading")
    package static let accuracy = EvaluationStage(rawValue: "accuracy")
    package static let paired = EvaluationStage(rawValue: "paired")
    package static let latency = EvaluationStage(rawValue: "latency")
    package static let comparison = EvaluationStage(rawValue: "comparison")
    package static let sweep = EvaluationStage(rawValue: "sweep")
}

/// Why there is no result: a stable kind and a sentence for a person.
package struct EvaluationFailure: Error, Equatable, Codable, Sendable {
    /// A stable name of a class of failures. The set is open; the parent adds the ones that only it can see.
    package struct Kind: RawRepresentable, Hashable, Codable, Sendable {
        package let rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The file is no ONNX model, or its graph is inconsistent.
        package static let invalidModel = Kind(rawValue: "invalid-model")
        /// The dataset cannot be read, or lacks something that the job needs.
        package static let invalidDataset = Kind(rawValue: "invalid-dataset")
        /// The model uses an operator, a domain or an operator set that the runtime does not have.
        package static let unsupportedOperator = Kind(rawValue: "unsupported-operator")
        /// An input or output is of a type that the evaluator does not handle.
        package static let unsupportedType = Kind(rawValue: "unsupported-type")
        /// Names or shapes of model and dataset do not fit.
        package static let shapeMismatch = Kind(rawValue: "shape-mismatch")
        /// The model answered NaN or an infinity.
        package static let nonFiniteOutput = Kind(rawValue: "non-finite-output")
        /// The model gives other answers when it is run again, or has operators that do.
        package static let nondeterministic = Kind(rawValue: "nondeterministic")
        /// A limit of the job was reached.
        package static let resourceLimit = Kind(rawValue: "resource-limit")
        /// The runtime library is absent, or not one that can be used.
        package static let runtimeMissing = Kind(rawValue: "runtime-missing")
        /// The job is malformed, or the evaluator is at fault.
        package static let `internal` = Kind(rawValue: "internal")
        /// Decided by the parent: the deadline passed.
        package static let timeLimit = Kind(rawValue: "time-limit")
        /// Decided by the parent: the process ended without an answer.
        package static let workerCrashed = Kind(rawValue: "worker-crashed")
        /// Decided by the parent: the process made a system call that ends it.
        package static let forbiddenCall = Kind(rawValue: "forbidden-call")
    }

    package let kind: Kind
    package let message: String
    /// What to save, rename or choose, as a sentence; nil where nothing helps, or nobody knows.
    package var remedy: String?

    package init(_ kind: Kind, _ message: String, remedy: String? = nil) {
        self.kind = kind
        self.message = message
        self.remedy = remedy
    }
}

extension EvaluationMessage {
    /// The size above which a reader may give up on a line.
    package static let lineBytesMax = 4 << 20

    /// The message of one line, with or without its newline.
    package init(line: some Sequence<UInt8>) throws(EvaluationProtocolError) {
        self = try MessageCoding.decode(EvaluationMessage.self, Data(line), what: "message")
    }

    /// The message as one line of JSON that ends with a newline.
    package func line() throws(EvaluationProtocolError) -> [UInt8] {
        try MessageCoding.encode(self, what: "message") + [UInt8(ascii: "\n")]
    }
}

extension EvaluationMessage: Codable {
    private enum CodingKeys: String, CodingKey {
        case protocolVersion = "protocol"
        case type, cage, stage, done, total, result, kind, message, remedy
    }

    private enum MessageType: String, Codable {
        case cage, progress, result, failure
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        switch try values.decode(MessageType.self, forKey: .type) {
        case .cage:
            self = .cage(try values.decode(EvaluationCage.self, forKey: .cage))
        case .progress:
            self = .progress(
                stage: try values.decode(EvaluationStage.self, forKey: .stage),
                done: try values.decode(Int.self, forKey: .done),
                total: try values.decode(Int.self, forKey: .total))
        case .result:
            self = .result(try values.decode(EvaluationResult.self, forKey: .result))
        case .failure:
            self = .failure(try EvaluationFailure(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(EvaluationProtocolVersion.current, forKey: .protocolVersion)
        switch self {
        case .cage(let cage):
            try values.encode(MessageType.cage, forKey: .type)
            try values.encode(cage, forKey: .cage)
        case .progress(let stage, let done, let total):
            try values.encode(MessageType.progress, forKey: .type)
            try values.encode(stage, forKey: .stage)
            try values.encode(done, forKey: .done)
            try values.encode(total, forKey: .total)
        case .result(let result):
            try values.encode(MessageType.result, forKey: .type)
            try values.encode(result, forKey: .result)
        case .failure(let failure):
            try values.encode(MessageType.failure, forKey: .type)
            try values.encode(failure.kind, forKey: .kind)
            try values.encode(failure.message, forKey: .message)
            try values.encodeIfPresent(failure.remedy, forKey: .remedy)
        }
    }
}
