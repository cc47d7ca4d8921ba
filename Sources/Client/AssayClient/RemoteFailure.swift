package import APIProtocol
import AssayDomain

/// The problem document that a server sent, kept as the cause of the error that it became.
package struct RemoteFailure: Error, Sendable {
    /// The document as it came; its text is not yet safe to print.
    package let problem: Problem
}

extension AssayError {
    /// The most characters of a server's sentence that are shown.
    private static let remoteTextMax = 1_000

    /// The error that a server told in a problem document; a code that is not known is judged by its status.
    init(_ problem: Problem) {
        let code = ErrorCode.standing(forTold: problem.code) ?? ErrorCode.standing(forStatus: problem.status)
        self.init(
            code, Printable.escape(problem.detail, limit: Self.remoteTextMax),
            remedy: Self.localRemedy(code)
                ?? problem.remedy.map { Printable.escape($0, limit: Self.remoteTextMax) },
            cause: RemoteFailure(problem: problem))
    }

    /// What helps somebody at a command line, where a server speaks to who sends requests by hand.
    private static func localRemedy(_ code: ErrorCode) -> String? {
        guard code == .unauthenticated else { return nil }
        return "give the server's token: add --token-file FILE, or set \(AccessToken.variable)"
    }

    /// The error behind an answer under /v2, whose body is a list of errors if it has one.
    init(ociBody: [UInt8], status: Int, doing action: String) {
        // A body that is no error list leaves the status, which every answer has.
        let list = try? JSON.decodeVerbatim(OCIErrorList.self, from: ociBody)
        guard let first = list?.errors.first else {
            self.init(
                ErrorCode.standing(forStatus: status), "the server refused \(action)", reason: "it answered \(status)")
            return
        }
        // A registry of ours tells its own code beside the specification's, which is coarser.
        let code =
            first.detail?.code.flatMap(ErrorCode.standing(forTold:)) ?? ErrorCode.standing(forOCI: first.code)
            ?? ErrorCode.standing(forStatus: status)
        self.init(
            code, "the server refused \(action)",
            reason: Printable.escape(first.message ?? first.code, limit: Self.remoteTextMax),
            remedy: Self.localRemedy(code)
                ?? first.detail?.remedy.map { Printable.escape($0, limit: Self.remoteTextMax) })
    }
}

/// The body of an error under /v2 (OCI distribution-spec 1.1.1, "Error Codes").
private struct OCIErrorList: Decodable {
    struct Item: Decodable {
        var code: String
        var message: String?
        var detail: Detail?

        private enum CodingKeys: String, CodingKey {
            case code, message, detail
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            code = try values.decode(String.self, forKey: .code)
            message = try values.decodeIfPresent(String.self, forKey: .message)
            // The specification leaves the detail's form open: one that is not ours tells nothing.
            detail = try? values.decodeIfPresent(Detail.self, forKey: .detail)
        }
    }

    struct Detail: Decodable {
        var code: String?
        var remedy: String?
    }

    var errors: [Item]
}
