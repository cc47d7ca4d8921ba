import APIProtocol
import AssayClient
import AssayDomain

/// Tells a person or a program what failed.
struct ErrorReport {
    let error: AssayError

    /// Any failure as one of ours; what we do not know is a fault of ours.
    init(_ error: any Error) {
        self.error =
            error as? AssayError
            ?? AssayError(.internalError, "the command failed", reason: Printable.escape("\(error)"), cause: error)
    }

    /// `error: message: reason`, and beneath it what to do next.
    var lines: [String] {
        let first = "error: \(cut(error.message))" + (error.reason.map { ": \(cut($0))" } ?? "")
        guard let remedy = error.remedy else { return [first] }
        // The parser of arguments has several lines to say.
        let parts = error.code == .usage ? remedy.split(separator: "\n").map(String.init) : [remedy]
        return [first] + parts.enumerated().map { ($0.offset == 0 ? "  next: " : "  ") + cut($0.element) }
    }

    /// The problem document: the server's own where the server refused.
    var problem: Problem {
        if let remote = error.cause as? RemoteFailure { return remote.problem }
        return Problem(error, status: error.code.kind.httpStatus, requestID: "")
    }

    var exitStatus: Int32 { ExitStatus.of(error.code.kind) }

    /// Names in messages are quoted and cut already; this is for what a cause may have brought along.
    private func cut(_ text: String) -> String { Printable.escape(text, limit: 1_000) }
}
