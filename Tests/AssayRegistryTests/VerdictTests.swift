import AssayDomain
import Testing

@testable import AssayRegistry

/// What verdicts are written as.
struct VerdictTests {
    /// The golden form: docs/formats/attestations.md.
    private static let golden = #"""
        {"inputAttestations":[{"digest":{"sha256":"INPUT"},"uri":"urn:assay:attestation:sha256:INPUT"}],\#
        "policy":{"digest":{"sha256":"POLICY"},"uri":"urn:assay:policy:sha256:POLICY"},\#
        "resourceUri":"urn:assay:version:team/fraud:3","timeVerified":"2026-12-01T00:00:00.000Z",\#
        "urn:assay:verdict:alias":"production","urn:assay:verdict:outcomes":[],\#
        "urn:assay:verdict:rollback":{"emergency":true,"from":4,"reason":"wrong prices"},\#
        "verificationResult":"PASSED","verifiedLevels":[],\#
        "verifier":{"id":"urn:assay:registry:0123456789abcdef"}}
        """#

    @Test func `a verdict is written in the golden form`() throws {
        let (input, policy) = (String(repeating: "a", count: 64), String(repeating: "b", count: 64))
        let verdict = Verdict(
            verifier: .init(id: Verdict.verifierID(logKeyID: "0123456789abcdef0123456789abcdef")),
            timeVerified: try #require(Timestamp(parsing: "2026-12-01T00:00:00.000Z")),
            resourceUri: VerdictField.resource(try Reference(parsing: "team/fraud:3")),
            policy: .init(uri: "urn:assay:policy:sha256:\(policy)", digest: ["sha256": policy]),
            inputAttestations: [.init(try Digest(parsing: "sha256:\(input)"))], verificationResult: "PASSED",
            verifiedLevels: [], alias: "production", outcomes: [],
            rollback: .init(.rollback(reason: "wrong prices", isEmergency: true), from: VersionNumber(4)))
        let expected = Self.golden.replacing("INPUT", with: input).replacing("POLICY", with: policy)
        #expect(String(decoding: try verdict.json(), as: UTF8.self) == expected)
        #expect(Verdict.verifierID(logKeyID: nil) == "urn:assay:registry")
    }
}
