package import AssayDomain
package import AssayRegistry
import Dispatch
import ModelFormats
import ONNXModel

/// Reads the graphs of ONNX files, and what files of other formats say of themselves.
package struct ONNXInspector: ModelInspector {
    /// Files are read here, one at a time, so that a slow disk never holds a thread of the shared pool.
    private let queue = DispatchQueue(label: "assay.onnx-inspector")
    /// Files of all formats are looked into here, apart from what a push waits for.
    private let inspections = DispatchQueue(label: "assay.file-inspector")

    package init() {}

    package func inspect(localFile path: String, as name: String) async throws -> ModelSummary? {
        guard ONNXFileName.isModel(name) else { return nil }
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try Self.summary(of: path, as: name) }) }
        }
    }

    package func inspect(_ file: InspectedFile) async throws -> FileInspection? {
        try await withCheckedThrowingContinuation { continuation in
            inspections.async { continuation.resume(with: Result { try Self.inspection(of: file) }) }
        }
    }

    private static func inspection(of file: InspectedFile) throws -> FileInspection? {
        guard let size = Int(exactly: file.size) else { return nil }
        do {
            return try FileInspection(reading: BlockingSource.make(byteCount: size, file.read), path: file.path)
        } catch let error as ONNXModelError {
            throw unreadable("\(error)", error)
        }
    }

    package func externalData(ofModel path: String) async throws -> [ExternalTensorData] {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try Self.externalData(of: path) }) }
        }
    }

    private static func externalData(of path: String) throws -> [ExternalTensorData] {
        do {
            return try ONNXSummary(reading: try FileSource(path: path)).externalData
                .map { ExternalTensorData(location: $0.location, bytesMin: $0.end) }
        } catch let error as ONNXModelError {
            let text = Printable.escape("\(error)", limit: 1000)
            switch error {
            case .limitExceeded: throw VerificationReport.FailureError("resource-limit", text)
            case .externalData: throw VerificationReport.FailureError("invalid-model", text)
            case .unreadable(let reason): throw unreadable(reason, error)
            // What is no model to us gets its verdict from the runtime, which finds no file beside it.
            case .invalid: return []
            }
        }
    }

    private static func unreadable(_ reason: String, _ cause: ONNXModelError) -> AssayError {
        AssayError(.storageFailed, "a model file cannot be read", reason: reason, cause: cause)
    }

    private static func summary(of path: String, as name: String) throws -> ModelSummary? {
        do {
            return ModelSummary(try ONNXSummary(reading: try FileSource(path: path)), path: name)
        } catch let error as ONNXModelError {
            if case .unreadable(let reason) = error {
                throw unreadable(reason, error)
            }
            return nil
        }
    }
}

extension ModelSummary {
    /// What the index keeps of a summary.
    init(_ summary: ONNXSummary, path: String) {
        self.init(
            path: path, producer: Self.producer(of: summary), opsets: summary.opsets,
            inputs: summary.inputs.map(Tensor.init), outputs: summary.outputs.map(Tensor.init),
            operators: Dictionary(uniqueKeysWithValues: summary.operators.map { ($0.name, $0.count) }),
            parameterCount: summary.parameterCount, precision: summary.precision.sorted())
    }

    private static func producer(of summary: ONNXSummary) -> String? {
        guard !summary.producerName.isEmpty else { return nil }
        return summary.producerVersion.isEmpty
            ? summary.producerName : "\(summary.producerName) \(summary.producerVersion)"
    }
}

extension ModelSummary.Tensor {
    /// Stands for axes of which not even the number is known.
    private static let anyShape = "?…"

    init(_ value: ONNXValue) {
        self.init(name: value.name, elementType: value.elementType, shape: value.shape?.map(\.text) ?? [Self.anyShape])
    }
}

extension ONNXDimension {
    /// The length or the name.
    var text: String {
        switch self {
        case .fixed(let length): String(length)
        case .symbolic(let name): name
        }
    }
}
