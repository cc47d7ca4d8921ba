import AssayDomain

/// A verification as others read it: an in-toto test-result v0.1.
///
/// Source: in-toto/attestation, spec/predicates/test-result.md. Numbers have no place in it, so its configuration names
/// the dataset and the signed report that holds them, by digest.
enum TestResultPredicate {
    static func encode(_ report: VerificationReport, envelope: Digest) throws -> [UInt8] {
        let isMeasured = report.measurements != nil
        let steps = ["load", "run", "metrics", "latency"]
        return try WireJSON.encode(
            Body(
                result: isMeasured ? "PASSED" : "FAILED",
                configuration: [
                    resource("\(report.dataset.repository):\(report.dataset.number)", report.dataset.digest),
                    resource("verification report", envelope, mediaType: MediaType.dsseEnvelope),
                ],
                passedTests: isMeasured ? steps : [], warnedTests: [],
                failedTests: report.failure.map { [$0.kind] } ?? []))
    }

    private static func resource(_ name: String, _ digest: Digest, mediaType: String? = nil) -> ResourceDescriptor {
        ResourceDescriptor(name: name, digest: [digest.algorithm.rawValue: digest.hex], mediaType: mediaType)
    }

    private struct Body: Encodable {
        let result: String
        let configuration: [ResourceDescriptor]
        let passedTests, warnedTests, failedTests: [String]
    }
}
