import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain

/// The report that is to be repeated, by the name of its verification or as a file.
enum ReplaySource: Sendable {
    case verification(VerificationID)
    /// A report's JSON, which nobody vouches for.
    case report(VerificationReport)
    /// An envelope whose signature is checked once it is known what it must be about.
    case envelope([UInt8])

    /// Reads what `--replay` names: an id, a file, or `-`. Throws as `InputFile.read`, and `json-invalid`,
    /// `signature-invalid`, `format-version-unsupported`.
    init(parsing text: String) throws {
        if let id = try? VerificationID(parsing: text) {
            self = .verification(id)
            return
        }
        let bytes = try InputFile.read(text, bytesMax: DSSEEnvelope.bytesMax)
        if try JSON.decodeVerbatim(JSONTree.self, from: bytes).members["payload"] != nil {
            self = .envelope(bytes)
        } else {
            self = .report(try Self.checked(try JSON.decode(VerificationReport.self, from: bytes)))
        }
    }

    /// The report. A signed one is checked with the keys of the registry.
    func report(from client: AssayClient) async throws -> VerificationReport {
        switch self {
        case .verification(let id): return try Self.checked(try await client.report(of: id))
        case .report(let report): return report
        case .envelope(let bytes):
            let report = try Self.report(in: try DSSEEnvelope(parsing: bytes).unverifiedStatement().predicate)
            let manifest = try await client.manifest(report.subject.digest, in: report.subject.repository)
            let root = TrustRoot(keys: try await client.keys().items)
            let check = try EvidenceCheck(
                repository: report.subject.repository, manifest: manifest, root: root, time: report.finishedAt)
            let opened = try check.opened(bytes)
            guard opened.statement.predicateType == PredicateType.verificationReport else {
                throw AssayError(
                    .signatureInvalid, "the envelope holds no verification report",
                    reason: Printable.quote(opened.statement.predicateType))
            }
            return report
        }
    }

    private static func report(in predicate: [UInt8]) throws -> VerificationReport {
        try checked(try JSON.decode(VerificationReport.self, from: predicate))
    }

    private static func checked(_ report: VerificationReport) throws(AssayError) -> VerificationReport {
        guard report.format == VerificationReport.formatVersion else {
            throw AssayError(
                .formatVersionUnsupported, "the report has format \(report.format)",
                remedy: "use the release of assay that made it")
        }
        try report.settings.check()
        return report
    }
}
