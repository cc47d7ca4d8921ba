/// A failure that a person or a program can act on: what failed, why, and what to do next.
///
/// Text in `message`, `reason` and `remedy` reaches callers, so it never holds secrets or absolute paths of the host.
package struct AssayError: Error, Sendable {
    /// The stable name of this kind of failure; also the label under which it is counted.
    package let code: ErrorCode
    /// What failed, with the names involved, in one sentence without a full stop.
    package let message: String
    /// Why it failed, if more is known than the message says.
    package let reason: String?
    /// What the caller can do next.
    package let remedy: String?
    /// The failure beneath, kept for logs and never sent to a caller.
    package let cause: (any Error)?
    /// Where it was thrown, for logs.
    package let location: SourceLocation

    package struct SourceLocation: Sendable, Equatable {
        package let file: String
        package let line: Int
    }

    package init(
        _ code: ErrorCode, _ message: String, reason: String? = nil, remedy: String? = nil,
        cause: (any Error)? = nil, file: String = #fileID, line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.reason = reason
        self.remedy = remedy
        self.cause = cause
        self.location = SourceLocation(file: file, line: line)
    }
}

extension AssayError: CustomStringConvertible {
    package var description: String {
        var text = "\(code): \(message)"
        if let reason { text += ": \(reason)" }
        if let remedy { text += " (\(remedy))" }
        return text
    }
}
