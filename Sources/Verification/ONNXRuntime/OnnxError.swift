/// A failure of ONNX Runtime or of loading it, with the function that reported it.
package struct OnnxError: Error, Equatable {
    /// What kind of failure it is; the first group are the library's own error codes.
    package enum Code: Equatable, Sendable {
        case failed, invalidArgument, noSuchFile, noModel, engineFailed, runtimeException, invalidProtobuf
        case notImplemented, invalidGraph, providerFailed
        /// An error code that this version does not know.
        case unknown
        /// The library is absent, or it is not ONNX Runtime, or it is older than the table that we need.
        case libraryUnusable
        /// Memory of ours could not be had.
        case outOfMemory
        /// The model has more of something than this wrapper handles.
        case limitExceeded
        /// A value is of a type that this wrapper does not read.
        case unsupportedValue
    }

    package let code: Code
    package let function: String
    /// The library's own text, which may name files and parts of the model; it is not made safe to print.
    package let message: String

    package init(_ code: Code, function: String, message: String) {
        self.code = code
        self.function = function
        self.message = message
    }
}

extension OnnxError.Code {
    /// The meaning of a number that GetErrorCode returned; zero, which means success, never belongs to a status.
    init(libraryCode: Int32) {
        self =
            switch libraryCode {
            case 1: .failed
            case 2: .invalidArgument
            case 3: .noSuchFile
            case 4: .noModel
            case 5: .engineFailed
            case 6: .runtimeException
            case 7: .invalidProtobuf
            case 9: .notImplemented
            case 10: .invalidGraph
            case 11: .providerFailed
            default: .unknown
            }
    }
}
