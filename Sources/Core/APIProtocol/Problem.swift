package import AssayDomain

/// An error as every route of /api/v1 answers it: a problem document (RFC 9457).
package struct Problem: Sendable, Codable {
    /// `urn:assay:error:CODE`
    package let type: String
    /// The code's name, for people who look at a status line.
    package let title: String
    package let status: Int
    /// What failed and why, in one sentence.
    package let detail: String
    /// The stable code.
    package let code: String
    /// What to do next.
    package let remedy: String?
    package let requestId: String
    /// The requirements of a refused promotion.
    package let outcomes: [RequirementOutcome]?

    package init(_ error: AssayError, status: Int, requestID: String, outcomes: [RequirementOutcome]? = nil) {
        type = "urn:assay:error:\(error.code.name)"
        title = error.code.name
        self.status = status
        detail = error.reason.map { "\(error.message): \($0)" } ?? error.message
        code = error.code.name
        remedy = error.remedy
        requestId = requestID
        self.outcomes = outcomes
    }
}
