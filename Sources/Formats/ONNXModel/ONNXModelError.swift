/// Why a file gave no summary.
package enum ONNXModelError: Error, Sendable, Equatable {
    /// The bytes are not an ONNX model.
    case invalid(String)
    /// A tensor's data lies in another file, at a place that no file has.
    case externalData(String)
    /// The bytes may be a model, and one with more of something than is read.
    case limitExceeded(String)
    /// The file itself could not be read.
    case unreadable(String)
}

extension ONNXModelError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalid(let reason): "not an ONNX model: \(reason)"
        case .externalData(let reason): "the ONNX model's external data is wrong: \(reason)"
        case .limitExceeded(let reason): "the ONNX model is over a limit: \(reason)"
        case .unreadable(let reason): "the model cannot be read: \(reason)"
        }
    }
}
