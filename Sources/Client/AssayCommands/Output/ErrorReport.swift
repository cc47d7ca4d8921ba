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
    var text: String {
        var text = "error: \(printable(error.message))"
        if let reason = error.reason { text += ": \(printable(reason))" }
        if let remedy = error.remedy { text += "\n  next: \(printable(remedy))" }
        return text
    }

    /// The problem document: the server's own where the server refused.
    var problem: Problem {
        if let remote = error.cause as? RemoteFailure { return remote.problem }
        return Problem(error, status: error.code.kind.httpStatus, requestID: "")
    }

    var exitStatus: Int32 { ExitStatus.of(error.code.kind) }

    /// Names in messages are quoted and safe already; this is for what a cause may have brought along.
    private func printable(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { Printable.escape($0, limit: 1_000) }.joined(separator: "\n  ")
    }
}
